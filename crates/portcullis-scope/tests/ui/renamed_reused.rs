portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "posts:read", "List posts";
        POSTS_LIST = "posts:list", "List posts";
    }
    renamed { "posts:list" => POSTS_READ }
}

fn main() {}
