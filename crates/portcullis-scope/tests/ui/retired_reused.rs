portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read", "List posts";
    }
    retired { "posts:purge", "posts:read" }
}

fn main() {}
