portcullis_scope::catalogue! {
    pub Social {
        POSTS_WRITE = "posts:write" => POSTS_READ, "Create posts";
    }
}

fn main() {}
