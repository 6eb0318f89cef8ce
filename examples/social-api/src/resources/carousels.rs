//! Carousels: slides, written or made up, published in name only.

use portcullis::{
    axum::{ApiError, Created, Data, JsonBody, OptionalJsonBody},
    core::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    ResourceError,
    documents::{self, Document, New, Organisation, Resource, Rows},
    kept::{Kept, Own},
    posts::{self, Post},
    request::Named,
    texts,
};

const MAX_TITLE: usize = 200;
const MAX_TOPIC: usize = 500;
const MAX_SLIDES: usize = 20;
const MAX_SLIDE: usize = 2_000;
const MAX_INSTRUCTIONS: usize = 2_000;
/// How many slides are made up unless the body says.
const USUAL_SLIDES: u32 = 5;

/// The members of a carousel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Carousel {
    title: String,
    brand_slug: Option<String>,
    topic: Option<String>,
    slides: Vec<Slide>,
    status: Status,
    /// What it was last refined by.
    instructions: Option<String>,
    /// 1, and one more each time that it is refined.
    revision: u32,
    published_at: Option<Timestamp>,
}

/// One slide.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Slide {
    text: String,
    #[serde(flatten)]
    kept: Kept,
}

/// What has become of a carousel.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Draft,
    Published,
}

impl Resource for Carousel {
    const NAME: &'static str = "carousel";
    const PREFIX: &'static str = "car_";
    const OWN: &'static [Own] = &[
        Own::text("title"),
        Own::text("brandSlug"),
        Own::text("topic"),
        Own::array("slides"),
        Own::text("status"),
        Own::text("instructions"),
        Own::number("revision"),
        Own::text("publishedAt"),
    ];
}

/// The body that makes a carousel.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewCarousel {
    title: String,
    brand_slug: Option<String>,
    slides: Option<Vec<Slide>>,
    #[serde(flatten)]
    kept: Kept,
}

impl New for Carousel {
    type Body = NewCarousel;

    fn new(rows: &Rows<'_>, body: NewCarousel) -> Result<(Self, Kept), ResourceError> {
        let title = texts::line("title", body.title, MAX_TITLE)?;
        let slides = checked_slides(body.slides.unwrap_or_default())?;
        rows.check_brand(body.brand_slug.as_deref())?;
        Ok((Self::draft(title, body.brand_slug, slides), body.kept))
    }
}

impl Carousel {
    const fn draft(title: String, brand_slug: Option<String>, slides: Vec<Slide>) -> Self {
        Self {
            title,
            brand_slug,
            topic: None,
            slides,
            status: Status::Draft,
            instructions: None,
            revision: 1,
            published_at: None,
        }
    }

    fn unpublished(&self, wanted: &str) -> Result<(), ApiError> {
        match self.status {
            Status::Draft => Ok(()),
            Status::Published => Err(ApiError::conflict(format!(
                "a published carousel can't be {wanted}"
            ))),
        }
    }
}

/// The body that has a carousel made up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    topic: String,
    brand_slug: Option<String>,
    slide_count: Option<u32>,
    #[serde(flatten)]
    kept: Kept,
}

/// `POST /carousels/generate`: the slides say the topic and their number; no model is asked.
pub(super) async fn generate(
    organisation: Organisation,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Created<Document<Carousel>>, ResourceError> {
    let topic = texts::line("topic", wanted.topic, MAX_TOPIC)?;
    let count = wanted.slide_count.unwrap_or(USUAL_SLIDES);
    if !usize::try_from(count).is_ok_and(|count| (1..=MAX_SLIDES).contains(&count)) {
        let message = format!("`slideCount`: a whole number from 1 to {MAX_SLIDES}");
        return Err(ApiError::invalid_request(message).into());
    }
    let (brand_slug, kept) = (wanted.brand_slug, wanted.kept);
    let generated = organisation.write(move |rows| {
        rows.check_brand(brand_slug.as_deref())?;
        let slide = |number: u32| Slide {
            text: format!("{topic} ({number}/{count})"),
            kept: Kept::default(),
        };
        let title = topic.chars().take(MAX_TITLE).collect();
        let mut carousel = Carousel::draft(title, brand_slug, (1..=count).map(slide).collect());
        carousel.topic = Some(topic);
        rows.add(carousel, kept)
    });
    generated.await.map(Created)
}

/// The body that refines a carousel.
#[derive(Debug, Deserialize)]
pub(super) struct Refinement {
    instructions: String,
    #[serde(flatten)]
    kept: Kept,
}

/// `PUT /carousels/{id}/refine`: notes the instructions; the slides stay as they are.
pub(super) async fn refine(
    organisation: Organisation,
    Named(id): Named,
    JsonBody(body): JsonBody<Refinement>,
) -> Result<Data<Document<Carousel>>, ResourceError> {
    let instructions = texts::prose("instructions", body.instructions, MAX_INSTRUCTIONS)?;
    documents::act(
        organisation,
        id,
        body.kept,
        |carousel: &mut Document<Carousel>, _| {
            let carousel = &mut carousel.own;
            carousel.unpublished("refined")?;
            carousel.instructions = Some(instructions);
            carousel.revision = carousel.revision.saturating_add(1);
            Ok(())
        },
    )
    .await
}

/// `POST /carousels/{id}/publish`
pub(super) async fn publish(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Document<Carousel>>, ResourceError> {
    documents::act(
        organisation,
        id,
        kept,
        |carousel: &mut Document<Carousel>, now| {
            let carousel = &mut carousel.own;
            carousel.unpublished("published again")?;
            if carousel.slides.is_empty() {
                return Err(ApiError::conflict("the carousel has no slides to publish"));
            }
            carousel.status = Status::Published;
            carousel.published_at = Some(now);
            Ok(())
        },
    )
    .await
}

/// `POST /carousels/{id}/create-draft`: a post of its own, with the texts of the slides.
pub(super) async fn create_draft(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Created<Post>, ResourceError> {
    let who = organisation.caller().clone();
    let created = organisation.write(move |rows| {
        let carousel = rows.find::<Carousel>(&id)?;
        let Carousel {
            title,
            brand_slug,
            slides,
            ..
        } = carousel.own;
        let texts: Vec<String> = slides.into_iter().map(|slide| slide.text).collect();
        let text = if texts.is_empty() {
            title
        } else {
            texts.join("\n\n")
        };
        let kept = kept.merged(Kept::one("carouselId", json!(id)))?;
        posts::add_draft(rows, &who, &text, brand_slug, kept)
    });
    created.await.map(Created)
}

fn checked_slides(slides: Vec<Slide>) -> Result<Vec<Slide>, ApiError> {
    if slides.len() > MAX_SLIDES {
        let message = format!("`slides`: at most {MAX_SLIDES}");
        return Err(ApiError::invalid_request(message));
    }
    let checked = |(index, slide): (usize, Slide)| {
        Ok(Slide {
            text: texts::prose(format_args!("slides[{index}].text"), slide.text, MAX_SLIDE)?,
            kept: slide.kept.without(&[])?,
        })
    };
    slides.into_iter().enumerate().map(checked).collect()
}
