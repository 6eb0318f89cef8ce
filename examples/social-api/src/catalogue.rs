//! What may be done here, by the names of its scopes.

portcullis::catalogue! {
    /// The scopes of the social-posting API.
    pub(crate) Social {
        POSTS_READ = "posts:read", "list and retrieve posts, drafts, publish results";
        POSTS_WRITE = "posts:write" => POSTS_READ,
            "create, update, delete, publish, schedule, retry posts";
        BRANDS_READ = "brands:read", "list brands and retrieve brand details";
        BRANDS_WRITE = "brands:write" => BRANDS_READ, "create, update, delete and reorder brands";
        CLIPS_READ = "clips:read", "list clip jobs, retrieve results and download URLs";
        CLIPS_WRITE = "clips:write" => CLIPS_READ,
            "upload videos, trigger scene detection and clip generation";
        CAROUSELS_READ = "carousels:read", "list and retrieve carousel drafts";
        CAROUSELS_WRITE = "carousels:write" => CAROUSELS_READ,
            "create, generate, refine and publish carousels";
        KB_READ = "kb:read", "search and read knowledge base documents";
        KB_WRITE = "kb:write" => KB_READ, "upload, ingest and delete knowledge base content";
        AGENTS_READ = "agents:read", "list agents, view run history and outputs";
        AGENTS_WRITE = "agents:write" => AGENTS_READ, "create, update, toggle and run agents";
        WEBHOOKS_READ = "webhooks:read", "list webhook endpoints";
        WEBHOOKS_WRITE = "webhooks:write" => WEBHOOKS_READ,
            "create, update and delete webhook endpoints";
        API_KEYS_READ = "api-keys:read", "list API keys and their usage";
        API_KEYS_WRITE = "api-keys:write" => API_KEYS_READ,
            "create, update, rotate and delete API keys";
        AUDIT_READ = "audit:read", "read the audit log";
        TOKENS_INTROSPECT = "tokens:introspect", "look up whether a token is active";
    }
}

#[cfg(test)]
mod tests {
    use super::Social;

    #[test]
    fn writing_implies_reading_the_same() {
        let catalogue = Social::catalogue();
        assert_eq!(catalogue.len(), 18);
        let held = catalogue.set([Social::KB_WRITE]).unwrap();
        let names: Vec<&str> = catalogue.names(&held).map(|scope| scope.as_str()).collect();
        assert_eq!(names, ["kb:read", "kb:write"]);
    }
}
