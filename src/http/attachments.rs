//! Attachments: files of a case.
//!
//! A file is sent as it is: the body is its bytes, `Content-Type` its type, and its name stands in the query, for a
//! header can't hold every letter. So it is streamed to the disk, whatever its size, and `curl --data-binary` sends
//! one without a form around it. Sent again, it is the same attachment: what counts is the content.

mod kind;
mod receive;
mod scan;

use std::fs::File;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::limit::ATTACHMENT_BYTES_DEFAULT;
use crate::model::{Attachment, Case, Filed, Name, Title, Value};
use crate::runtime::{Done, Request, Want};
use crate::store::Answer;

use super::App;
use super::auth::Asked;
use super::command::{problem, readable_case, tagged};
use super::condition;
use super::error::{BAD_HEADER, FORBIDDEN, Problem, not_found};
use super::query::{Parameters, bad};
use super::view::View;

/// Which files are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentRules {
    /// How many bytes a file may have.
    pub bytes_max: u64,
    /// The media types that are taken.
    pub types: Vec<String>,
    /// The command that looks at a file before it is kept, word by word; its path is put behind it. It ends with 0
    /// when nothing is wrong, with 1 when the file must not be kept, and with something else when it can't tell.
    pub scanner: Vec<String>,
}

impl Default for AttachmentRules {
    fn default() -> Self {
        let types = kind::USUAL.iter().map(|kind| (*kind).to_owned()).collect();
        Self { bytes_max: ATTACHMENT_BYTES_DEFAULT, types, scanner: Vec::new() }
    }
}

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, attach)).routes(routes!(content))
}

/// A file of a case.
#[derive(Serialize, ToSchema)]
#[schema(as = Attachment)]
pub(super) struct AttachmentBody {
    /// The SHA-256 of its content: what a field of the type `attachment` holds.
    sha256: String,
    /// Its name.
    name: String,
    /// Its media type.
    #[serde(rename = "type")]
    media_type: String,
    /// How many bytes it has.
    bytes: u64,
    /// When it was attached.
    at: String,
    /// Who attached it.
    by: String,
}

/// The files of a case.
#[derive(Serialize, ToSchema)]
pub(super) struct Attachments {
    /// The files, in the order in which they were attached; those that only hidden fields hold are left out.
    data: Vec<AttachmentBody>,
}

/// The files of a case.
#[utoipa::path(
    get, path = "/v1/cases/{id}/attachments", tag = "attachments", operation_id = "list_attachments",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "the files", body = Attachments))
)]
async fn list(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let case = readable_case(&app, &asked, &id).await?;
    let view = View::new(&app, &asked);
    let shown = case.attachments.iter().filter(|filed| is_shown(&view, &case, filed));
    Ok(tagged(case.version, Attachments { data: shown.map(body).collect() }))
}

/// Attaches a file: the body is its bytes. A content that the case has already is not attached twice.
#[utoipa::path(
    post, path = "/v1/cases/{id}/attachments", tag = "attachments", operation_id = "attach",
    params(("id" = String, Path, description = "id or number"), ("name" = String, Query, description = "the name of the file")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "the bytes; `Content-Type` says what they are"),
    responses((status = 201, description = "attached", body = AttachmentBody), (status = 200, description = "it was attached already", body = AttachmentBody))
)]
async fn attach(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Asked,
    bytes: Body,
) -> Result<Response<Body>, Problem> {
    let case = readable_case(&app, &asked, &id).await?;
    let parameters = Parameters::read(&asked.uri, &["name"])?;
    let needed = || bad("name", "必须填写文件名", "is needed: the name of the file");
    let name = parameters.one("name")?.filter(|name| !name.trim().is_empty()).ok_or_else(needed)?;
    let media_type = kind::said(&asked.headers, &app.attachments)?;
    let expected = condition::expected(&asked.headers, case.version)?;
    let received = receive::receive(&app, bytes, &media_type).await?;
    scan::scan(&app.attachments, &received).await?;
    let sha256 = Name::clone(&received.sha256);
    let attachment = Attachment {
        sha256: Name::clone(&sha256),
        name: name.into(),
        media_type: media_type.into(),
        bytes: received.bytes,
    };
    app.runtime.keep_upload(received, case.id).await?;
    let want = Want::Attach { id: case.id, attachment };
    let request = Request { actor: asked.actor.clone(), want, expected, retry: None, dry_run: false };
    let attached = case.attachment(&sha256).is_some();
    let done = app.runtime.execute(request, Box::new(unread)).await;
    done.map_err(|failure| problem(&View::new(&app, &asked), &case.workflow, failure))?;
    app.runtime.settle_upload(&sha256, case.id);
    let case = readable_case(&app, &asked, &case.id.to_string()).await?;
    let filed = case.attachment(&sha256).ok_or_else(|| not_found("attachment", &sha256))?;
    let status = if attached { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, [(ETAG, condition::etag(case.version))], Json(body(filed))).into_response())
}

/// The content of a file, to be saved and never shown by a browser.
#[utoipa::path(
    get, path = "/v1/cases/{id}/attachments/{sha256}", tag = "attachments", operation_id = "read_attachment",
    params(("id" = String, Path, description = "id or number"), ("sha256" = String, Path, description = "the SHA-256 of the content")),
    responses((status = 200, description = "its bytes", body = Vec<u8>, content_type = "application/octet-stream"))
)]
async fn content(
    State(app): State<App>,
    Path((id, sha256)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let case = readable_case(&app, &asked, &id).await?;
    let filed = case.attachment(&sha256).ok_or_else(|| not_found("attachment", &sha256))?;
    if !is_shown(&View::new(&app, &asked), &case, filed) {
        let detail = Title::new("该附件只属于您无权查看的字段", "only fields that are hidden from you hold this file");
        return Err(Problem::new(&FORBIDDEN, detail));
    }
    let file = app.runtime.open_content(&sha256)?;
    let Attachment { name, media_type, bytes, .. } = &filed.attachment;
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(read(file))));
    let headers = [
        (CONTENT_TYPE, media_type.to_string()),
        (CONTENT_LENGTH, bytes.to_string()),
        (CONTENT_DISPOSITION, disposition(name)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
        (ETAG, format!("\"{sha256}\"")),
    ];
    for (header, value) in headers {
        response.headers_mut().insert(header.clone(), written(&header, &value)?);
    }
    Ok(response)
}

fn written(header: &HeaderName, value: &str) -> Result<HeaderValue, Problem> {
    let title = || Title::both(&format!("`{header}` can't be written"));
    HeaderValue::from_str(value).map_err(|_| Problem::new(&BAD_HEADER, title()))
}

fn body(filed: &Filed) -> AttachmentBody {
    let Filed { attachment, at, by } = filed;
    AttachmentBody {
        sha256: attachment.sha256.to_string(),
        name: attachment.name.to_string(),
        media_type: attachment.media_type.to_string(),
        bytes: attachment.bytes,
        at: at.to_string(),
        by: by.to_string(),
    }
}

/// Whether the caller may see a file: not when fields hold it, and all of them are hidden.
fn is_shown(view: &View, case: &Case, filed: &Filed) -> bool {
    let mut paths = Vec::new();
    for (name, value) in case.fields.iter() {
        holders(name, value, &filed.attachment.sha256, &mut paths);
    }
    paths.is_empty() || paths.iter().any(|path| !view.hides(&case.workflow, path))
}

/// The fields that hold a content; those of rows as `lines.drawing`.
fn holders(path: &str, value: &Value, sha256: &str, found: &mut Vec<String>) {
    match value {
        Value::Text(text) if **text == *sha256 => found.push(path.to_owned()),
        Value::List(items) => items.iter().for_each(|item| holders(path, item, sha256, found)),
        Value::Row(row) => {
            row.iter().for_each(|(name, value)| holders(&format!("{path}.{name}"), value, sha256, found));
        }
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Duration(_)
        | Value::Map(_) => {}
    }
}

/// That it is to be saved, and under which name (RFC 6266).
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "._- ".contains(letter) { letter } else { '_' })
        .collect();
    let mut whole = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            whole.push(char::from(byte));
        } else {
            whole.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

/// A file, chunk by chunk, read on a thread where that may block.
fn read(mut file: File) -> tokio::sync::mpsc::Receiver<std::io::Result<Vec<u8>>> {
    use std::io::Read as _;
    let (chunks, read) = tokio::sync::mpsc::channel(receive::CHUNKS_WAITING);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut chunk = Vec::with_capacity(receive::CHUNK_BYTES);
            let limit = u64::try_from(receive::CHUNK_BYTES).unwrap_or(u64::MAX);
            let outcome = file.by_ref().take(limit).read_to_end(&mut chunk);
            let next = match outcome {
                Ok(0) => return,
                Ok(_) => Ok(chunk),
                Err(error) => Err(error),
            };
            let failed = next.is_err();
            // The client may have gone.
            if chunks.blocking_send(next).is_err() || failed {
                return;
            }
        }
    });
    read
}

/// The answer is written from the case as it stands afterwards.
fn unread(_: &Done) -> Answer {
    Answer { fingerprint: "".into(), at: crate::model::Timestamp(0), status: 201, headers: Vec::new(), body: "".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_in_a_form_that_every_browser_reads() {
        for (name, told) in [
            ("a b.pdf", "attachment; filename=\"a b.pdf\"; filename*=UTF-8''a%20b.pdf"),
            ("图\".pdf", "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E5%9B%BE%22.pdf"),
        ] {
            assert_eq!(disposition(name), told);
        }
    }
}
