portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read", "List posts";
        POSTS_READ = "posts:list", "List posts again";
    }
}

fn main() {}
