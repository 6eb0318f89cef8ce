portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read", "List posts";
        POSTS_LIST = "posts:read", "List posts again";
    }
}

fn main() {}
