//! Receiving a file: from the network to the disk in small parts, so that none is ever whole in memory.

use axum::body::{Body, Bytes};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

use crate::http::App;
use crate::http::error::{BAD_REQUEST, Problem, STORE, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE};
use crate::model::Title;
use crate::store::content::{Received, Upload};

use super::kind;

/// Parts that may wait for the disk.
pub(super) const CHUNKS_WAITING: usize = 4;

/// Bytes that are read at a time.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

/// Receives a file of this type; it is durable then, and has no place yet.
pub(super) async fn receive(app: &App, body: Body, media_type: &str) -> Result<Received, Problem> {
    let upload = app.runtime.begin_upload()?;
    let (parts, written) = mpsc::channel(CHUNKS_WAITING);
    let writing = tokio::task::spawn_blocking(move || write(upload, written));
    let passed = pass_on(body, &parts, app.attachments.bytes_max).await;
    drop(parts);
    let written = writing.await;
    passed?;
    let received = match written {
        Ok(Ok(received)) => received,
        Ok(Err(error)) => return Err(failed(&error.to_string())),
        Err(error) => return Err(failed(&error.to_string())),
    };
    if received.bytes == 0 {
        return Err(Problem::new(
            &BAD_REQUEST,
            Title::new("文件为空", "the file is empty: send its bytes as the body"),
        ));
    }
    if !kind::fits(media_type, &received.head) {
        let (zh, en) = (format!("内容不是 `{media_type}`"), format!("the content is no `{media_type}`"));
        return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE, Title::new(&zh, &en)));
    }
    Ok(received)
}

/// Passes the parts on as they come, as long as they are not too many.
async fn pass_on(body: Body, parts: &mpsc::Sender<Bytes>, bytes_max: u64) -> Result<(), Problem> {
    let (mut stream, mut bytes) = (body.into_data_stream(), 0_u64);
    while let Some(part) = stream.next().await {
        let broken = |_| Problem::new(&BAD_REQUEST, Title::new("文件没有传完", "the file was cut off"));
        let part = part.map_err(broken)?;
        bytes = bytes.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        if bytes > bytes_max {
            let (zh, en) =
                (format!("附件最多 {bytes_max} 字节"), format!("an attachment has at most {bytes_max} bytes"));
            return Err(Problem::new(&TOO_LARGE, Title::new(&zh, &en)));
        }
        // When the disk says no, that is told by the one who writes.
        if parts.send(part).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn write(mut upload: Upload, mut parts: mpsc::Receiver<Bytes>) -> std::io::Result<Received> {
    while let Some(part) = parts.blocking_recv() {
        upload.write(&part)?;
    }
    upload.finish()
}

fn failed(reason: &str) -> Problem {
    tracing::error!(reason, "an attachment can't be written");
    Problem::new(&STORE, STORE.about())
}
