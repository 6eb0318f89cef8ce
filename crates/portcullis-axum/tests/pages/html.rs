//! Pages, taken apart as a browser does: tags with their attributes, and the text between them.

/// A page.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Html {
    pub(crate) tags: Vec<Tag>,
    /// All text, with single spaces.
    pub(crate) text: String,
}

/// A tag that opens or, with a `/` before its name, closes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// The text up to the next tag.
    pub(crate) text: String,
}

/// What a browser sends of a form, but for what is typed and pressed.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: Option<String>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) buttons: Vec<(String, String)>,
}

impl Html {
    /// # Panics
    /// If it is not written as strictly as these pages are: attributes in double quotes or bare of
    /// a value, and nothing else that begins with `<` but the document type.
    pub(crate) fn parse(page: &str) -> Self {
        let page = page.trim_start();
        let (doctype, rest) = page.split_at(15);
        assert!(doctype.eq_ignore_ascii_case("<!doctype html>"), "{page}");
        let mut html = Self::default();
        let mut parts = rest.split('<');
        assert_eq!(parts.next().map(str::trim), Some(""), "{page}");
        for part in parts {
            let (tag, text) = Tag::parse(part);
            assert!(!text.contains('>'), "a bare `>` in {part}");
            let tag = Tag {
                text: decoded(text),
                ..tag
            };
            html.text = format!("{} {}", html.text, tag.text);
            html.tags.push(tag);
        }
        let words: Vec<&str> = html.text.split_whitespace().collect();
        html.text = words.join(" ");
        html
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &Tag> {
        self.tags.iter().filter(move |tag| tag.name == name)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Tag> {
        let mut found = self.tags.iter().filter(|tag| tag.get("id") == Some(id));
        let tag = found.next();
        assert!(found.next().is_none(), "{id} twice in {self:?}");
        tag
    }

    /// The names of the tags and of their attributes: what a text may not change.
    pub(crate) fn shape(&self) -> Vec<(String, Vec<String>)> {
        let names = |tag: &Tag| {
            tag.attributes
                .iter()
                .map(|(name, _)| name.clone())
                .collect()
        };
        let tags = self.tags.iter();
        tags.map(|tag| (tag.name.clone(), names(tag))).collect()
    }

    pub(crate) fn forms(&self) -> Vec<Form> {
        let mut forms: Vec<Form> = Vec::new();
        for tag in &self.tags {
            if tag.name == "form" {
                assert_eq!(tag.get("method"), Some("post"), "{tag:?}");
                forms.push(Form {
                    action: tag.get("action").map(str::to_owned),
                    fields: Vec::new(),
                    buttons: Vec::new(),
                });
            }
            let (Some(name), Some(form)) = (tag.get("name"), forms.last_mut()) else {
                continue;
            };
            let value = tag.get("value").unwrap_or_default();
            let pair = (name.to_owned(), value.to_owned());
            let is_off = tag.get("type") == Some("radio") && tag.get("checked").is_none();
            match &*tag.name {
                "button" => form.buttons.push(pair),
                "input" if !is_off => form.fields.push(pair),
                _ => {}
            }
        }
        forms
    }

    /// The form that has a field or a button of this name.
    pub(crate) fn form(&self, name: &str) -> Form {
        let has = |pairs: &[(String, String)]| pairs.iter().any(|(found, _)| found == name);
        let mut forms = self.forms().into_iter();
        let found = forms.find(|form| has(&form.fields) || has(&form.buttons));
        found.unwrap_or_else(|| panic!("no form with `{name}` in {self:?}"))
    }

    /// The form that goes there.
    pub(crate) fn form_to(&self, action: &str) -> Form {
        let mut forms = self.forms().into_iter();
        let found = forms.find(|form| form.action.as_deref() == Some(action));
        found.unwrap_or_else(|| panic!("no form to {action} in {self:?}"))
    }

    /// The form of one of several buttons with this name.
    pub(crate) fn form_of_button(&self, name: &str, value: &str) -> Form {
        let mut forms = self.forms().into_iter();
        let is_it = |(found, of): &(String, String)| found == name && of == value;
        let found = forms.find(|form| form.buttons.iter().any(is_it));
        found.unwrap_or_else(|| panic!("no button `{name}` of {value} in {self:?}"))
    }

    /// The values of all buttons with this name.
    pub(crate) fn buttons(&self, name: &str) -> Vec<String> {
        let forms = self.forms().into_iter();
        let buttons = forms.flat_map(|form| form.buttons);
        let named = buttons.filter(|(found, _)| found == name);
        named.map(|(_, value)| value).collect()
    }
}

impl Form {
    /// With a field set to this, whether it was there or not.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut named = self.fields.iter().filter(|(found, _)| found == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// As it is sent.
    pub(crate) fn encoded(&self) -> String {
        encoded(&self.fields)
    }
}

impl Tag {
    fn parse(part: &str) -> (Self, &str) {
        let at = part.find(|letter: char| letter.is_whitespace() || letter == '>');
        let (name, mut rest) = part.split_at(at.unwrap_or_else(|| panic!("no end of {part}")));
        let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let bare = name.strip_prefix('/').unwrap_or(name);
        assert!(!bare.is_empty() && bare.bytes().all(plain), "{part}");
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(text) = rest.strip_prefix('>') {
                let name = name.to_owned();
                let tag = Self {
                    name,
                    attributes,
                    text: String::new(),
                };
                return (tag, text);
            }
            let ends = |letter: char| letter == '=' || letter == '>' || letter.is_whitespace();
            let at = rest
                .find(ends)
                .unwrap_or_else(|| panic!("no end of {part}"));
            let (attribute, after) = rest.split_at(at);
            let plain = |letter: u8| letter.is_ascii_lowercase() || letter == b'-';
            assert!(
                !attribute.is_empty() && attribute.bytes().all(plain),
                "{part}"
            );
            let (value, after) = match after.strip_prefix("=\"") {
                Some(quoted) => quoted.split_once('"').unwrap(),
                None => ("", after),
            };
            assert!(!after.starts_with('='), "a value without quotes in {part}");
            attributes.push((attribute.to_owned(), decoded(value)));
            rest = after;
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.attributes.iter().filter(|(found, _)| found == name);
        let value = named.next();
        assert!(named.next().is_none(), "`{name}` twice in {self:?}");
        value.map(|(_, value)| value.as_str())
    }
}

/// A text with its references put in.
fn decoded(text: &str) -> String {
    let mut parts = text.split('&');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part
            .split_once(';')
            .unwrap_or_else(|| panic!("a bare `&` in {text}"));
        decoded.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" | "#x27" | "apos" => '\'',
            _ => panic!("`&{name};` in {text}"),
        });
        decoded.push_str(rest);
    }
    decoded
}

/// `application/x-www-form-urlencoded`, with every byte that is no letter or digit encoded.
pub(crate) fn encoded(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub(crate) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded + &char::from(byte).to_string()
        } else {
            encoded + &format!("%{byte:02X}")
        }
    })
}
