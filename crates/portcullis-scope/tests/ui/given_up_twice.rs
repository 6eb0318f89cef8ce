portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read", "List posts";
    }
    retired { "posts:list" }
    renamed { "posts:list" => POSTS_READ }
}

fn main() {}
