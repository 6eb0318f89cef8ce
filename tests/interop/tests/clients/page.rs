//! HTML read as far as a browser without a script does when a form is sent.

use std::collections::BTreeMap;

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) address: String,
    pub(crate) html: String,
}

/// A form, with what a browser sends of it if nobody touches it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Where it is sent; empty: to the address of the page.
    pub(crate) action: String,
    pub(crate) fields: BTreeMap<String, String>,
    /// The name and value of each button that has them.
    buttons: Vec<(String, String)>,
    method: String,
}

impl Page {
    /// The one form that has a field or a button of this name.
    pub(crate) fn form_with(&self, control: &str) -> Form {
        let has = |form: &Form| {
            form.fields.contains_key(control)
                || form.buttons.iter().any(|(name, _)| name == control)
        };
        let mut forms = self.forms().into_iter().filter(has);
        let form = forms.next();
        let form = form.unwrap_or_else(|| panic!("no form with `{control}`: {self:?}"));
        assert!(
            forms.next().is_none(),
            "two forms with `{control}`: {self:?}"
        );
        assert_eq!(form.method, "post", "{self:?}");
        form
    }

    /// Whether it asks who is there.
    pub(crate) fn asks_for_password(&self) -> bool {
        let has = |form: &Form| form.fields.contains_key("password");
        self.forms().iter().any(has)
    }

    /// The text of its heading.
    pub(crate) fn heading(&self) -> &str {
        let behind = self.html.split_once("<h1").map(|(_, behind)| behind);
        let behind = behind.and_then(|behind| behind.split_once('>'));
        let text = behind.and_then(|(_, behind)| behind.split_once("</h1>"));
        text.unwrap_or_else(|| panic!("no heading: {self:?}")).0
    }

    fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        let mut open: Option<Form> = None;
        for tag in tags(&self.html) {
            let attribute = |name: &str| tag.attributes.get(name).cloned();
            let value = |name: &str| attribute(name).unwrap_or_default();
            match (tag.name.as_str(), &mut open) {
                ("form", _) => {
                    open = Some(Form {
                        action: value("action"),
                        method: value("method").to_ascii_lowercase(),
                        ..Form::default()
                    });
                }
                ("/form", _) => forms.extend(open.take()),
                ("input", Some(form)) => {
                    let may_be_off = matches!(&*value("type"), "radio" | "checkbox");
                    let is_off = may_be_off && attribute("checked").is_none();
                    if let Some(name) = attribute("name").filter(|_| !is_off) {
                        let again = form.fields.insert(name, value("value"));
                        assert_eq!(again, None, "a field stands twice: {self:?}");
                    }
                }
                ("button", Some(form)) => {
                    form.buttons
                        .extend(attribute("name").map(|name| (name, value("value"))));
                }
                _ => {}
            }
        }
        assert!(open.is_none(), "a form without an end: {self:?}");
        forms
    }
}

impl Form {
    /// With this typed in a field that is there.
    pub(crate) fn with(mut self, name: &str, typed: &str) -> Self {
        let field = self.fields.get_mut(name);
        typed.clone_into(field.unwrap_or_else(|| panic!("no field `{name}`")));
        self
    }

    /// With a button pressed that is there.
    pub(crate) fn pressing(mut self, name: &str, value: &str) -> Self {
        let pressed = (name.to_owned(), value.to_owned());
        assert!(self.buttons.contains(&pressed), "no button {pressed:?}");
        self.fields.extend([pressed]);
        self
    }
}

#[derive(Debug)]
struct Tag {
    /// In lower case, with a `/` before that of an end tag.
    name: String,
    attributes: BTreeMap<String, String>,
}

/// The tags of a page whose attributes are quoted or have no value.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, behind)) = rest.split_once('<') {
        let end = behind.find(|of: char| of.is_ascii_whitespace() || of == '>');
        let Some(end) = end else { break };
        let (name, mut inside) = behind.split_at(end);
        let mut attributes = BTreeMap::new();
        loop {
            inside = inside.trim_start_matches(|of: char| of.is_ascii_whitespace() || of == '/');
            if let Some(behind) = inside.strip_prefix('>') {
                rest = behind;
                break;
            }
            let end = inside.find(|of: char| of.is_ascii_whitespace() || "=>/".contains(of));
            let (attribute, behind) = inside.split_at(end.unwrap_or(inside.len()));
            assert!(!attribute.is_empty(), "no tag: {inside}");
            let (value, behind) = match behind.strip_prefix("=\"") {
                Some(quoted) => quoted.split_once('"').expect("a quote without an end"),
                None => ("", behind),
            };
            attributes.insert(attribute.to_owned(), unescaped(value));
            inside = behind;
        }
        tags.push(Tag {
            name: name.to_ascii_lowercase(),
            attributes,
        });
    }
    tags
}

/// A value with its references resolved.
fn unescaped(value: &str) -> String {
    let mut parts = value.split('&');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, behind) = part.split_once(';').expect("a bare `&`");
        let number = name.strip_prefix('#').map(|number| {
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let radix = hexadecimal.map_or(10, |_| 16);
            u32::from_str_radix(hexadecimal.unwrap_or(number), radix).unwrap()
        });
        text.push(match (name, number) {
            (_, Some(number)) => char::from_u32(number).unwrap(),
            ("amp", _) => '&',
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            _ => panic!("an unknown reference `&{name};`"),
        });
        text += behind;
    }
    text
}

#[test]
fn forms_are_read_as_a_browser_sends_them() {
    let page = Page {
        status: 200,
        address: String::new(),
        html: r#"<!DOCTYPE html><html lang="en"><h1 id="x">Hello</h1>
            <form method="post" action="/logout"><button type="submit">Out</button></form>
            <form method="post" action="/device?a=1&amp;b=2">
            <input type="hidden" name="csrf" value="a&quot;&#39;&#x3c;&lt;b">
            <input type="radio" name="org" value="one" checked><input type="radio" name="org" value="two"/>
            <input id="email" name="email" type="email" required>
            <button name="decision" value="approve">Yes</button>
            <button name="decision" value="deny">No</button></form>"#
            .to_owned(),
    };
    assert_eq!(page.heading(), "Hello");
    assert!(!page.asks_for_password());
    let form = page.form_with("decision").with("email", "a@b");
    let form = form.pressing("decision", "deny");
    assert_eq!(form.action, "/device?a=1&b=2");
    let fields = [
        ("csrf", "a\"'<<b"),
        ("decision", "deny"),
        ("email", "a@b"),
        ("org", "one"),
    ];
    assert_eq!(
        form.fields,
        BTreeMap::from(fields.map(|(name, value)| (name.to_owned(), value.to_owned())))
    );
}
