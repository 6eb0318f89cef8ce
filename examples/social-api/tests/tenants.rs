//! Two organisations at one server, and thousands of requests by chance: neither ever sees or
//! changes anything of the other's.
#![cfg(test)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[expect(
    dead_code,
    reason = "each file of tests uses a part of what they share"
)]
mod common;

use common::client::Answer;
use common::made::{Maker, VIDEO, body_of};
use common::world::World;

const ROUNDS: usize = 120;
const REQUESTS: usize = 25;
const SEED: u64 = 0x5EED_0F7E_4A17_5000;

/// What stands in everything of each organisation.
const MARKS: [&str; 2] = ["alphamark", "betamark"];
const KINDS: [&str; 9] = [
    "post", "brand", "key", "clip", "upload", "carousel", "kbdoc", "agent", "hook",
];

/// Method, path and body. `<kind>` stands for an id of anybody's or nobody's, `{mark}` for the mark
/// of whoever asks. Of `<kbdoc>`, `<kb>` and `<doc>` are the two parts.
#[rustfmt::skip]
const REQUESTED: &[(&str, &str, &str)] = &[
    ("GET", "/posts?limit=100", ""),
    ("POST", "/posts", r#"{"text":"{mark}"}"#),
    ("POST", "/posts", r#"{"text":"{mark}","brandSlug":"<brand>"}"#),
    ("GET", "/posts?brandSlug=<brand>", ""),
    ("GET", "/posts/<post>", ""),
    ("PUT", "/posts/<post>", r#"{"text":"{mark} anew"}"#),
    ("DELETE", "/posts/<post>", ""),
    ("GET", "/posts/<post>/results", ""),
    ("POST", "/posts/<post>/publish", ""),
    ("PUT", "/posts/<post>/schedule", r#"{"scheduledAt":"2099-01-01T00:00:00Z"}"#),
    ("POST", "/posts/<post>/retry", ""),
    ("POST", "/posts/<post>/rewrite", ""),
    ("POST", "/posts/<post>/score", ""),
    ("GET", "/brands", ""),
    ("PUT", "/brands/order", r#"{"slugs":["<brand>"]}"#),
    ("GET", "/brands/<brand>", ""),
    ("PATCH", "/brands/<brand>", r#"{"tone":"{mark}"}"#),
    ("DELETE", "/brands/<brand>", ""),
    ("GET", "/brands/<brand>/auth/status", ""),
    ("GET", "/api-keys?limit=100", ""),
    ("GET", "/api-keys/<key>", ""),
    ("GET", "/api-keys/<key>/usage", ""),
    ("PATCH", "/api-keys/<key>", r#"{"name":"{mark} anew"}"#),
    ("POST", "/api-keys/<key>/rotate", ""),
    ("DELETE", "/api-keys/<key>", ""),
    ("GET", "/audit?limit=100", ""),
    ("GET", "/audit?target=<key>", ""),
    ("GET", "/audit/export", ""),
    ("GET", "/denials?credential=<key>", ""),
    ("GET", "/auth/profile", ""),
    ("GET", "/usage/summary", ""),
    ("GET", "/billing/credits", ""),
    ("GET", "/clips?limit=100", ""),
    ("POST", "/clips/import-url", r#"{"url":"https://example.com/{mark}"}"#),
    ("POST", "/clips/upload?name={mark}", VIDEO),
    ("GET", "/clips/<clip>", ""),
    ("GET", "/clips/<upload>", ""),
    ("DELETE", "/clips/<clip>", ""),
    ("DELETE", "/clips/<upload>", ""),
    ("GET", "/clips/<upload>/download", ""),
    ("GET", "/clips/<clip>/download", ""),
    ("POST", "/clips/<clip>/scenes", ""),
    ("POST", "/clips/<upload>/render", ""),
    ("GET", "/carousels?limit=100", ""),
    ("POST", "/carousels", r#"{"title":"{mark}","brandSlug":"<brand>"}"#),
    ("POST", "/carousels/generate", r#"{"topic":"{mark}","brandSlug":"<brand>"}"#),
    ("GET", "/carousels/<carousel>", ""),
    ("DELETE", "/carousels/<carousel>", ""),
    ("PUT", "/carousels/<carousel>/refine", r#"{"instructions":"{mark}"}"#),
    ("POST", "/carousels/<carousel>/create-draft", ""),
    ("POST", "/carousels/<carousel>/publish", ""),
    ("GET", "/kbs?limit=100", ""),
    ("GET", "/kbs/<kb>", ""),
    ("DELETE", "/kbs/<kb>", ""),
    ("POST", "/kbs/<kb>/search", r#"{"query":"alphamark"}"#),
    ("POST", "/kbs/<kb>/search", r#"{"query":"betamark"}"#),
    ("GET", "/kbs/<kb>/docs", ""),
    ("POST", "/kbs/<kb>/docs", r#"{"title":"{mark}","text":"{mark}"}"#),
    ("POST", "/kbs/<kb>/docs/ingest-url", r#"{"url":"https://example.com/{mark}"}"#),
    ("DELETE", "/kbs/<kb>/docs/<doc>", ""),
    ("GET", "/agents?limit=100", ""),
    ("GET", "/agents/<agent>", ""),
    ("PATCH", "/agents/<agent>", r#"{"instructions":"{mark}"}"#),
    ("DELETE", "/agents/<agent>", ""),
    ("POST", "/agents/<agent>/run", r#"{"input":"{mark}"}"#),
    ("POST", "/agents/<agent>/toggle", ""),
    ("GET", "/agents/<agent>/runs", ""),
    ("GET", "/webhooks?limit=100", ""),
    ("GET", "/webhooks/<hook>", ""),
    ("PATCH", "/webhooks/<hook>", r#"{"note":"{mark}"}"#),
    ("DELETE", "/webhooks/<hook>", ""),
    ("POST", "/webhooks/<hook>/test", ""),
];

/// xorshift64: the same numbers each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn of<'t, T>(&mut self, some: &'t [T]) -> &'t T {
        &some[self.below(some.len())]
    }
}

/// Whose id it is that a request names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Whose {
    Own,
    Theirs,
    Nobodys,
}

/// One of the two organisations.
struct Org {
    mark: &'static str,
    tokens: Vec<String>,
    /// Ids by kind, of which some may be gone by now.
    ids: BTreeMap<&'static str, Vec<String>>,
    made: u32,
}

impl Org {
    fn new(world: &World, mark: &'static str, session: String) -> Self {
        let all = [
            "posts:write",
            "brands:write",
            "clips:write",
            "carousels:write",
            "kb:write",
            "agents:write",
            "webhooks:write",
            "api-keys:write",
            "audit:read",
        ];
        let name = json!({"name": format!("{mark} key"), "scopes": all});
        let key = world
            .client
            .send_json("POST", "/api-keys", Some(&session), &name);
        let key = common::client::text(&key.data(201), "key");
        let mut org = Self {
            mark,
            tokens: vec![session, key],
            ids: BTreeMap::new(),
            made: 0,
        };
        for _ in 0..3 {
            org.make_anew(world);
        }
        org
    }

    /// One more of each kind; the oldest that is remembered is forgotten.
    fn make_anew(&mut self, world: &World) {
        // Names of brands are taken once.
        let maker = Maker::new(&world.client, &self.tokens[0], self.mark);
        let mut maker = maker.with_first(self.made);
        for kind in KINDS {
            let id = maker.make(kind);
            let ids = self.ids.entry(kind).or_default();
            ids.push(id);
            if ids.len() > 6 {
                ids.remove(0);
            }
        }
        self.made += 100;
    }

    /// What it is answered itself.
    fn get(&self, world: &World, path: &str) -> Value {
        world.client.send("GET", path, Some(&self.tokens[0])).json()
    }

    /// All of a list.
    fn list(&self, world: &World, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for offset in (0..).step_by(100) {
            let data = self.get(world, &format!("{path}?limit=100&offset={offset}"));
            let data = &data["data"];
            let part = data.get("items").or_else(|| data.get("clips"));
            let part = part.unwrap_or(data).as_array().unwrap();
            all.extend_from_slice(part);
            if part.len() < 100 {
                break;
            }
        }
        all
    }

    /// All that the organisation has, as it sees it itself.
    fn state(&self, world: &World) -> Vec<Value> {
        // The list of brands has no pages.
        let mut state = vec![self.get(world, "/brands")];
        for path in [
            "/posts",
            "/clips",
            "/carousels",
            "/kbs",
            "/agents",
            "/webhooks",
        ] {
            state.extend(self.list(world, path));
        }
        for id in &self.ids["agent"] {
            state.push(self.get(world, &format!("/agents/{id}/runs")));
        }
        for id in &self.ids["kbdoc"] {
            let (docs, _) = id.rsplit_once('/').unwrap();
            state.push(self.get(world, &format!("/kbs/{docs}")));
        }
        for key in self.list(world, "/api-keys") {
            // Not when it was last used: that is its own doing.
            state.push(json!([
                key["id"],
                key["name"],
                key["enabled"],
                key["scopes"]
            ]));
        }
        state.push(self.get(world, "/billing/credits")["data"]["balance"].clone());
        state
    }
}

/// An id of a kind, made by chance.
fn nobodys(chance: &mut Chance, kind: &str) -> String {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let prefix = match kind {
        "upload" => "clip",
        "carousel" => "car",
        other => other,
    };
    match chance.below(8) {
        0 => "%00".to_owned(),
        1 => "%ff".to_owned(),
        2 => "a%2F..%2Fb".to_owned(),
        3 => "%27%20OR%201%3D1--".to_owned(),
        4 => "x".repeat(3_000),
        _ => {
            let id = (0..16).map(|_| char::from(*chance.of(BASE62)));
            format!("{prefix}_{}", id.collect::<String>())
        }
    }
}

/// Fills a template with ids of anybody's; says whose they are.
fn filled(chance: &mut Chance, template: &str, [own, theirs]: [&Org; 2]) -> (String, Vec<Whose>) {
    let (mut filled, mut whose) = (template.replace("{mark}", own.mark), Vec::new());
    if template == VIDEO {
        return (filled, whose);
    }
    while let Some((before, rest)) = filled.split_once('<') {
        let (name, after) = rest.split_once('>').unwrap();
        let kind = if ["kb", "doc"].contains(&name) {
            "kbdoc"
        } else {
            name
        };
        let of = *chance.of(&[
            Whose::Own,
            Whose::Own,
            Whose::Theirs,
            Whose::Theirs,
            Whose::Nobodys,
        ]);
        let id = match of {
            Whose::Own => chance.of(&own.ids[kind]).clone(),
            Whose::Theirs => chance.of(&theirs.ids[kind]).clone(),
            Whose::Nobodys => nobodys(chance, name),
        };
        let id = match (name, id.split_once("/docs/")) {
            ("kb", Some((kb, _))) => kb,
            ("doc", Some((_, doc))) => doc,
            _ => id.as_str(),
        };
        whose.push(of);
        filled = format!("{before}{id}{after}");
    }
    (filled, whose)
}

/// What is wrong with an answer to a request that names these ids.
fn problem(
    answer: &Answer,
    method: &str,
    path: &str,
    whose: &[Whose],
    theirs: &Org,
) -> Option<String> {
    // A search says what was looked for.
    let shown = if path.ends_with("/search") && answer.status == 200 {
        answer.json()["data"]["results"].to_string()
    } else {
        answer.text()
    };
    if shown.contains(theirs.mark) {
        return Some("shows what is another's".to_owned());
    }
    if answer.status >= 500 || [401, 402, 403, 429].contains(&answer.status) {
        return Some("is not answered".to_owned());
    }
    let is_foreign = whose.iter().any(|whose| *whose != Whose::Own);
    // Filters of lists find nothing; what is named in a path or a body isn't there.
    let filters = method == "GET" && path.contains('?');
    let is_right = match (is_foreign, filters) {
        (false, _) => true,
        (true, true) => [200, 400].contains(&answer.status),
        (true, false) => answer.problem(404, "not_found").is_none(),
    };
    (!is_right).then(|| "is let in by a foreign id".to_owned())
}

#[test]
fn neither_of_two_organisations_sees_or_changes_what_is_the_others() {
    let args = [
        "--key-limit",
        "1000000/60s",
        "--session-limit",
        "1000000/60s",
    ];
    let world = World::with_args(&[&args[..], &["--credits", "100000"]].concat());
    let second = world.second_organisation();
    let mut orgs = [
        Org::new(&world, MARKS[0], world.session.clone()),
        Org::new(&world, MARKS[1], second),
    ];
    let mut chance = Chance(SEED);
    let mut counts = BTreeMap::<u16, u32>::new();
    let mut problems = Vec::new();
    for round in 0..ROUNDS {
        let turn = chance.below(2);
        let before = orgs[1 - turn].state(&world);
        assert!(
            before.len() > 20,
            "there is little to be changed: {before:?}"
        );
        for _ in 0..REQUESTS {
            let both = [&orgs[turn], &orgs[1 - turn]];
            let (method, path, body) = *chance.of(REQUESTED);
            let (path, mut whose) = filled(&mut chance, path, both);
            let (body, of_body) = filled(&mut chance, body, both);
            // An id that can't stand in JSON is not sent in it.
            if body.contains("%00") || body.contains("%ff") {
                continue;
            }
            whose.extend(of_body);
            let token = chance.of(&both[0].tokens).clone();
            let mut request = world.client.with_token(method, &path, Some(&token));
            if !body.is_empty() {
                let (media_type, body) = body_of(&body);
                request = request.header("content-type", media_type).body(body);
            }
            let answer = Answer::to(request);
            *counts.entry(answer.status).or_default() += 1;
            let problem = problem(&answer, method, &path, &whose, both[1]);
            problems.extend(problem.map(|what| {
                let path: String = path.chars().take(80).collect();
                format!(
                    "round {round}: {method} {path} {body} {whose:?} {what}: {} {}",
                    answer.status,
                    answer.text()
                )
            }));
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        let after = orgs[1 - turn].state(&world);
        assert_eq!(before, after, "round {round} changed what is another's");
        if round % 4 == 0 {
            orgs[turn].make_anew(&world);
        }
    }
    // By chance alone all of it could have been refused.
    let answered = |status| counts.get(&status).copied().unwrap_or_default();
    assert!(answered(200) > 500 && answered(404) > 500, "{counts:?}");
    assert!(answered(201) > 50, "{counts:?}");
}
