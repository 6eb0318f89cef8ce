//! One of everything, made for a test: `<post>` in a template stands for the id of a new post.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::client::{Answer, Client, text};

/// What stands in the place of a body for the bytes of a video.
pub(crate) const VIDEO: &str = "<video>";

/// Fills templates with what it makes, as one caller.
pub(crate) struct Maker<'a> {
    client: &'a Client,
    token: &'a str,
    /// Stands in all that is made; without spaces.
    mark: &'a str,
    made: u32,
}

impl<'a> Maker<'a> {
    pub(crate) const fn new(client: &'a Client, token: &'a str, mark: &'a str) -> Self {
        let made = 0;
        Self {
            client,
            token,
            mark,
            made,
        }
    }

    /// Counts on from here, for names that may be given once.
    pub(crate) const fn with_first(mut self, made: u32) -> Self {
        self.made = made;
        self
    }

    /// The template with something new in the place of each name.
    pub(crate) fn fill(&mut self, template: &str) -> String {
        let mut filled = template.to_owned();
        while let Some((before, rest)) = filled.split_once('<') {
            let (name, after) = rest.split_once('>').unwrap();
            filled = format!("{before}{}{after}", self.make(name));
        }
        filled
    }

    /// The id of something new; of a text in a knowledge base, `KB/docs/DOC`.
    pub(crate) fn make(&mut self, name: &str) -> String {
        self.made += 1;
        let (mark, number) = (self.mark, self.made);
        let named = json!({"name": format!("{mark} {number}")});
        match name {
            "post" => self.id_of("/posts", &json!({"text": mark, "platforms": ["x"]})),
            "brand" => self.of("/brands", &named, "slug"),
            "slugs" => self.slugs(),
            "key" => {
                let name = named["name"].clone();
                let body = json!({"name": name, "scopes": ["api-keys:write"]});
                self.id_of("/api-keys", &body)
            }
            "clip" => {
                let url = format!("https://example.com/{mark}.mp4");
                self.id_of("/clips/import-url", &json!({"url": url, "name": mark}))
            }
            "upload" => {
                let path = format!("/clips/upload?name={mark}");
                let request = self.client.with_token("POST", &path, Some(self.token));
                let request = request.header(CONTENT_TYPE, "video/mp4");
                let made = Answer::to(request.body(mark.as_bytes().to_vec()));
                text(&made.data(201), "id")
            }
            "carousel" => {
                let body = json!({"title": mark, "slides": [{"text": mark}]});
                self.id_of("/carousels", &body)
            }
            "kb" => self.id_of("/kbs", &named),
            "kbdoc" => {
                let kb = self.id_of("/kbs", &named);
                let body = json!({"title": mark, "text": mark});
                let doc = self.id_of(&format!("/kbs/{kb}/docs"), &body);
                format!("{kb}/docs/{doc}")
            }
            "agent" => self.id_of("/agents", &named),
            "denial" => {
                let key = self.client.create_key(self.token, &["brands:read"]).key;
                let denied = self.client.send("GET", "/posts", Some(&key));
                assert_eq!(denied.status, 403);
                denied.header("x-request-id").unwrap().to_owned()
            }
            "hook" => {
                let url = format!("https://example.com/{mark}");
                self.id_of("/webhooks", &json!({"url": url}))
            }
            other => panic!("nothing is called {other}"),
        }
    }

    fn slugs(&self) -> String {
        let brands = self.client.send("GET", "/brands", Some(self.token));
        let brands = brands.data(200);
        let slugs = brands.as_array().unwrap().iter();
        Value::Array(slugs.map(|brand| brand["slug"].clone()).collect()).to_string()
    }

    fn id_of(&self, path: &str, body: &Value) -> String {
        self.of(path, body, "id")
    }

    fn of(&self, path: &str, body: &Value, member: &str) -> String {
        let made = self.client.send_json("POST", path, Some(self.token), body);
        text(&made.data(201), member)
    }
}

/// The media type of a body of a template, and its bytes.
pub(crate) fn body_of(template: &str) -> (&'static str, Vec<u8>) {
    match template {
        VIDEO => ("video/mp4", b"not really a video".to_vec()),
        form if form.starts_with("token=") => (
            "application/x-www-form-urlencoded",
            form.as_bytes().to_vec(),
        ),
        json => ("application/json", json.as_bytes().to_vec()),
    }
}
