// The `s` is the Cyrillic dze.
portcullis_scope::catalogue! {
    pub Social {
        POSTS_READ = "postѕ:read", "List posts";
    }
}

fn main() {}
