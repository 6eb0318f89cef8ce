portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts.read", "List posts";
    }
}

fn main() {}
