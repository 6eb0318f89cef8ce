portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read" => POSTS_READ, "List posts";
    }
}

fn main() {}
