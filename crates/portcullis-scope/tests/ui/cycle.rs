portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read" => POSTS_WRITE, "List posts";
        POSTS_WRITE = "posts:write" => POSTS_READ, "Create posts";
    }
}

fn main() {}
