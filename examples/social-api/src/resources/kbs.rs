//! Knowledge bases, and the texts in them.

use std::{collections::BTreeSet, sync::Arc};

use portcullis::axum::{ApiError, Created, Data, JsonBody};
use serde::{Deserialize, Serialize};

use super::{
    ResourceError,
    documents::{Document, New, Organisation, Resource, Rows},
    kept::{Kept, Own},
    request::{Named, Nothing},
    texts,
};

const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 1_000;
const MAX_TITLE: usize = 200;
/// The most characters of a text, all of which a search goes through.
const MAX_TEXT: usize = 20_000;
const MAX_QUERY: usize = 200;
/// The most different words of a query: for each, all texts are gone through.
const MAX_WORDS: usize = 10;
/// How many characters of a text a result shows.
const EXCERPT: usize = 200;

/// The members of a knowledge base.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Kb {
    name: String,
    description: Option<String>,
}

impl Resource for Kb {
    const NAME: &'static str = "kb";
    const PREFIX: &'static str = "kb_";
    const PARTS: Option<&'static str> = Some(Doc::NAME);
    const OWN: &'static [Own] = &[Own::text("name"), Own::text("description")];
}

/// The members of a text: one that was given, or the address of one, which is never fetched.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Doc {
    kb_id: String,
    title: String,
    text: Option<String>,
    url: Option<String>,
}

impl Resource for Doc {
    const NAME: &'static str = "doc";
    const PREFIX: &'static str = "doc_";
    const OWN: &'static [Own] = &[
        Own::text("kbId"),
        Own::text("title"),
        Own::text("text"),
        Own::text("url"),
    ];

    fn whole(&self) -> &str {
        &self.kb_id
    }
}

/// The body that makes a knowledge base.
#[derive(Debug, Deserialize)]
pub(super) struct NewKb {
    name: String,
    description: Option<String>,
    #[serde(flatten)]
    kept: Kept,
}

impl New for Kb {
    type Body = NewKb;

    fn new(_: &Rows<'_>, body: NewKb) -> Result<(Self, Kept), ResourceError> {
        let description = body.description;
        let described = |text| texts::prose("description", text, MAX_DESCRIPTION);
        let kb = Self {
            name: texts::line("name", body.name, MAX_NAME)?,
            description: description.map(described).transpose()?,
        };
        Ok((kb, body.kept))
    }
}

/// The body that adds a text.
#[derive(Debug, Deserialize)]
pub(super) struct NewText {
    title: String,
    text: String,
    #[serde(flatten)]
    kept: Kept,
}

/// `POST /kbs/{id}/docs`
pub(super) async fn add_text(
    organisation: Organisation,
    Named(kb): Named,
    JsonBody(body): JsonBody<NewText>,
) -> Result<Created<Document<Doc>>, ResourceError> {
    let doc = Doc {
        kb_id: kb,
        title: texts::line("title", body.title, MAX_TITLE)?,
        text: Some(texts::prose("text", body.text, MAX_TEXT)?),
        url: None,
    };
    add(organisation, doc, body.kept).await
}

/// The body that names a text by its address.
#[derive(Debug, Deserialize)]
pub(super) struct NewUrl {
    url: String,
    title: Option<String>,
    #[serde(flatten)]
    kept: Kept,
}

/// `POST /kbs/{id}/docs/ingest-url`: kept, never fetched.
pub(super) async fn add_url(
    organisation: Organisation,
    Named(kb): Named,
    JsonBody(body): JsonBody<NewUrl>,
) -> Result<Created<Document<Doc>>, ResourceError> {
    let url = texts::url("url", body.url)?;
    let title = match body.title {
        Some(title) => texts::line("title", title, MAX_TITLE)?,
        None => url.chars().take(MAX_TITLE).collect(),
    };
    let doc = Doc {
        kb_id: kb,
        title,
        text: None,
        url: Some(url),
    };
    add(organisation, doc, body.kept).await
}

async fn add(
    organisation: Organisation,
    doc: Doc,
    kept: Kept,
) -> Result<Created<Document<Doc>>, ResourceError> {
    let added = organisation.write(move |rows| {
        rows.require::<Kb>(&doc.kb_id)?;
        rows.add(doc, kept)
    });
    added.await.map(Created)
}

/// `DELETE /kbs/{id}/docs/{docId}`
pub(super) async fn delete_doc(
    organisation: Organisation,
    Named((kb, doc)): Named<(String, String)>,
) -> Result<Data<Nothing>, ResourceError> {
    let deleted = organisation.write(move |rows| {
        rows.require::<Kb>(&kb)?;
        rows.delete::<Doc>(&kb, &doc)
    });
    deleted.await?;
    Ok(Data(Nothing {}))
}

/// The body of [`search`]; other members are as good as absent.
#[derive(Debug, Deserialize)]
pub(super) struct Query {
    query: String,
    limit: Option<u32>,
}

/// The answer of [`search`].
#[derive(Debug, Serialize)]
pub(super) struct Found {
    query: String,
    limit: u32,
    total: usize,
    results: Vec<Hit>,
}

/// A text that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hit {
    doc_id: String,
    title: String,
    url: Option<String>,
    excerpt: String,
    /// How often the words stand in title and text.
    score: usize,
}

/// `POST /kbs/{id}/search`: texts that have all of the words, in any case; the best first.
pub(super) async fn search(
    organisation: Organisation,
    Named(kb): Named,
    JsonBody(body): JsonBody<Query>,
) -> Result<Data<Found>, ResourceError> {
    let query = texts::line("query", body.query, MAX_QUERY)?;
    let limit = match body.limit {
        None => 10,
        Some(limit @ 1..=100) => limit,
        Some(_) => {
            let message = "`limit`: a whole number from 1 to 100";
            return Err(ApiError::invalid_request(message).into());
        }
    };
    let words = words(&query)?;
    let mut results = Vec::new();
    let mut next = Some(i64::MAX);
    while let Some(before) = next {
        let kb = kb.clone();
        let part = organisation.read(move |rows| {
            rows.require::<Kb>(&kb)?;
            rows.part::<Doc>(&kb, before)
        });
        let (docs, rest) = part.await?;
        // Beside the database, which nobody else has to wait for meanwhile.
        let words = Arc::clone(&words);
        let hits = tokio::task::spawn_blocking(move || {
            let hits = docs.into_iter().filter_map(|doc| hit(doc, &words));
            hits.collect::<Vec<_>>()
        });
        results.extend(hits.await?);
        next = rest;
    }
    // Of equals the newest stays first.
    results.sort_by_key(|hit| std::cmp::Reverse(hit.score));
    let total = results.len();
    results.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Data(Found {
        query,
        limit,
        total,
        results,
    }))
}

/// The words of a query, each once.
fn words(query: &str) -> Result<Arc<[String]>, ApiError> {
    let query = query.to_lowercase();
    let words: BTreeSet<&str> = query.split_whitespace().collect();
    if words.len() > MAX_WORDS {
        let message = format!("`query`: at most {MAX_WORDS} different words");
        return Err(ApiError::invalid_request(message));
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

fn hit(doc: Document<Doc>, words: &[String]) -> Option<Hit> {
    let Document { id, own, .. } = doc;
    let text = own.text.unwrap_or_default();
    let all = format!("{}\n{text}", own.title).to_lowercase();
    let counts = words.iter().map(|word| all.matches(word.as_str()).count());
    let score = counts
        .map(|count| (count > 0).then_some(count))
        .sum::<Option<usize>>()?;
    Some(Hit {
        doc_id: id,
        title: own.title,
        url: own.url,
        excerpt: text.chars().take(EXCERPT).collect(),
        score,
    })
}
