portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read", "List posts";
    }
    renamed { "posts:list" => POSTS_LIST }
}

fn main() {}
