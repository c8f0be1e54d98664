//! Attachments: their content, from the first byte to the case that has it.

use std::fs::{File, Metadata};

use std::time::Duration;

use crate::clock::Clock;
use crate::model::limit::UPLOAD_HOURS_MAX;
use crate::model::{CaseId, Timestamp};
use crate::store::content::{Contented, Contents, Received, Upload};

use super::{Failure, Runtime, random, store_failure};

impl Runtime {
    /// Begins to receive a content.
    ///
    /// # Errors
    /// When there is no place for contents, or the disk says no.
    pub fn begin_upload(&self) -> Result<Upload, Failure> {
        self.contents()?.begin(random()?).map_err(disk_failure)
    }

    /// Gives a content that was received its place, for a case that is to have it. It is durable then.
    ///
    /// # Errors
    /// When the disk says no.
    pub async fn keep_upload(&self, received: Received, case: CaseId) -> Result<(), Failure> {
        let contents = self.contents()?.clone();
        let kept = tokio::task::spawn_blocking(move || contents.keep(received, case)).await;
        kept.map_err(|_| Failure::Store)?.map_err(disk_failure)
    }

    /// That a case has a content now.
    pub fn settle_upload(&self, sha256: &str, case: CaseId) {
        if let Some(contents) = &self.0.contents {
            contents.settled(sha256, case);
        }
    }

    /// A content, to be read from its beginning.
    ///
    /// # Errors
    /// When it is missing.
    pub fn open_content(&self, sha256: &str) -> Result<File, Failure> {
        self.contents()?.open(sha256).map_err(disk_failure)
    }

    /// Removes uploads that no case came to have; gives how many.
    ///
    /// # Errors
    /// When the disk or the store says no.
    pub async fn sweep_uploads(&self) -> Result<u64, Failure> {
        let Some(contents) = self.0.contents.clone() else { return Ok(0) };
        self.read(move |store| contents.sweep(store, &is_old)).await
    }

    /// Reads every content that a case has and compares it with its name.
    ///
    /// # Errors
    /// When the disk or the store says no.
    pub async fn verify_contents(&self) -> Result<Contented, Failure> {
        let Some(contents) = self.0.contents.clone() else { return Ok(Contented::default()) };
        self.read(move |store| contents.verify(store)).await
    }

    fn contents(&self) -> Result<&Contents, Failure> {
        self.0.contents.as_ref().ok_or_else(|| {
            tracing::error!("this server has no place for attachments");
            Failure::Store
        })
    }
}

/// Whether a file was written so long ago that nobody waits for what was to follow.
fn is_old(metadata: &Metadata) -> bool {
    let day = Duration::from_secs(UPLOAD_HOURS_MAX.saturating_mul(3_600));
    let written = metadata.modified().map(|written| Timestamp::from(chrono::DateTime::<chrono::Utc>::from(written)));
    let age = |written: Timestamp| Clock::System.now().0.saturating_sub(written.0);
    written.is_ok_and(|written| u128::try_from(age(written)).is_ok_and(|age| age > day.as_millis()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn disk_failure(error: std::io::Error) -> Failure {
    store_failure(crate::store::Error::Io(format!("the content of an attachment: {error}")))
}
