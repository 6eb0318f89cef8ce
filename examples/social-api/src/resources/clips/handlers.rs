//! The routes of clips that are not those of every document.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, header},
};
use portcullis::axum::{ApiError, Created, Data, OptionalJsonBody};
use serde::Serialize;

use super::{
    Clip,
    clip::{Source, checked_name},
};
use crate::resources::{
    ResourceError,
    database::random_id,
    documents::{self, Document, Listed, Organisation, Resource, Rows},
    kept::Kept,
    owner,
    request::{Named, Nothing, Page, Parameters},
    uploads::{MAX_BYTES, too_large},
};

/// The most bytes of all uploads of an organisation together: 1 GiB.
const MAX_ALL_BYTES: u64 = 1024 * 1024 * 1024;
/// What a download is if its upload didn't say.
const UNKNOWN_TYPE: &str = "application/octet-stream";
/// The most characters of a media type.
const MAX_TYPE: usize = 100;

/// The answer of [`list`].
#[derive(Debug, Serialize)]
pub(in crate::resources) struct Clips {
    clips: Vec<Document<Clip>>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
struct Pagination {
    total: u32,
    limit: u32,
    offset: u32,
}

/// `GET /clips?limit&offset`: newest first.
pub(in crate::resources) async fn list(
    organisation: Organisation,
    parameters: Parameters,
) -> Result<Data<Clips>, ResourceError> {
    let page = parameters.page()?;
    let listed = organisation.read(move |rows| rows.list("", page)).await?;
    let Listed {
        documents,
        total,
        page: Page { limit, offset },
    } = listed;
    Ok(Data(Clips {
        clips: documents,
        pagination: Pagination {
            total,
            limit,
            offset,
        },
    }))
}

/// `POST /clips/upload?name`: the body is the video.
pub(in crate::resources) async fn upload(
    organisation: Organisation,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Created<Document<Clip>>, ResourceError> {
    let name = parameters.value("name")?.map(str::to_owned);
    let name = name.map(checked_name).transpose()?;
    let content_type = media_type(&headers)?;
    if announced_bytes(&headers).is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(too_large().into());
    }
    // Before the body is read, which may be for nothing then.
    organisation.read(|rows| has_room_for(rows, 0)).await?;

    let uploads = organisation.uploads().clone();
    let owner = owner(organisation.caller());
    let received = uploads.receive(&owner, body).await?;
    let id = random_id(Clip::PREFIX)?;
    let file = id.clone();
    let clip = Clip::uploaded(&id, name, content_type, received.size_bytes);
    let created = organisation.write({
        let uploads = uploads.clone();
        move |rows| {
            has_room_for(rows, received.size_bytes)?;
            let clip = rows.add_as(id, clip, Kept::default())?;
            // Within the transaction: of a file without its name there is no clip.
            uploads.keep(received, &clip.id)?;
            Ok(clip)
        }
    });
    match created.await {
        Ok(clip) => Ok(Created(clip)),
        Err(refused) => {
            // The name may have been given already, when the transaction failed at its end.
            tokio::task::spawn_blocking(move || uploads.remove(&file)).await??;
            Err(refused)
        }
    }
}

/// `GET /clips/{id}/download`: for a file, never to be shown or run.
pub(in crate::resources) async fn download(
    organisation: Organisation,
    Named(id): Named,
) -> Result<([(HeaderName, String); 5], Body), ResourceError> {
    let clip = organisation
        .read(move |rows| rows.find::<Clip>(&id))
        .await?;
    if clip.own.source == Source::Url {
        let message = "the clip was imported by its `url`, which is never fetched: there is \
            nothing to download";
        return Err(ApiError::conflict(message).into());
    }
    let content_type = clip.own.content_type;
    let headers = [
        (
            header::CONTENT_TYPE,
            content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
        ),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", clip.id),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, organisation.uploads().read(&clip.id).await?))
}

/// `POST /clips/{id}/scenes`
pub(in crate::resources) async fn scenes(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Document<Clip>>, ResourceError> {
    documents::act(organisation, id, kept, |clip: &mut Document<Clip>, _| {
        clip.own.find_scenes();
        Ok(())
    })
    .await
}

/// `POST /clips/{id}/render`
pub(in crate::resources) async fn render(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Document<Clip>>, ResourceError> {
    documents::act(organisation, id, kept, |clip: &mut Document<Clip>, now| {
        clip.own.render(now);
        Ok(())
    })
    .await
}

/// `DELETE /clips/{id}`: with its file.
pub(in crate::resources) async fn delete(
    organisation: Organisation,
    Named(id): Named,
) -> Result<Data<Nothing>, ResourceError> {
    let uploads = organisation.uploads().clone();
    let deleted = organisation.write(move |rows| {
        rows.delete::<Clip>("", &id)?;
        // Before the transaction ends: what is told to be gone is gone. The id is one that was
        // made here, since there was a clip of it.
        Ok(uploads.remove(&id)?)
    });
    deleted.await?;
    Ok(Data(Nothing {}))
}

fn has_room_for(rows: &Rows<'_>, size_bytes: u64) -> Result<(), ResourceError> {
    rows.has_room::<Clip>()?;
    let there = u64::try_from(rows.sum::<Clip>("sizeBytes")?).unwrap_or(0);
    if there.saturating_add(size_bytes.max(1)) > MAX_ALL_BYTES {
        let message = format!("the uploads of an organisation have at most {MAX_ALL_BYTES} bytes");
        return Err(ApiError::conflict(message).into());
    }
    Ok(())
}

/// The length of a body that says it. The body itself doesn't: a time limit is around it.
fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// `video/…` or `application/octet-stream`, without parameters and in lower case; the latter if
/// nothing is said.
fn media_type(headers: &HeaderMap) -> Result<String, ApiError> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let coded = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut coded = coded.filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let essence = match (types.next(), types.next(), coded.next()) {
        (None, None, None) => Some(UNKNOWN_TYPE.to_owned()),
        (Some(only), None, None) => only.to_str().ok().map(|text| {
            let essence = text.split(';').next().unwrap_or_default().trim();
            essence.to_ascii_lowercase()
        }),
        _ => None,
    };
    let is_token = |text: &str| {
        let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+_".contains(&byte);
        !text.is_empty() && text.bytes().all(is_of_token)
    };
    let is_taken = |essence: &String| {
        let is_video = essence.strip_prefix("video/").is_some_and(is_token);
        essence.len() <= MAX_TYPE && (is_video || essence == UNKNOWN_TYPE)
    };
    essence.filter(is_taken).ok_or_else(|| {
        let message = format!(
            "the body has to be a video of at most {MAX_BYTES} bytes, `video/…` or \
             `{UNKNOWN_TYPE}`, without a coding"
        );
        ApiError::unsupported_media_type(message)
    })
}
