portcullis_scope::catalogue! {
    pub Social {
        POSTS_WRITE = "posts:write" => POSTS_READ, "Create posts";
        POSTS_READ = "posts:read", "List posts";
    }
}

fn main() {}
