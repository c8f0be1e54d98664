//! Attaching a file.

use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::Draft;
use crate::model::attachment::is_sha256;
use crate::model::limit::{ATTACHMENT_NAME_CHARS_MAX, ATTACHMENTS_MAX};
use crate::model::{Attachment, Case, Command, Event, Reason, Refusal, RefusalKind, Timestamp, Title, World};
use crate::workflow::{Definition, Workflow};

use super::comment;

/// Decides [`crate::model::Act::Attach`]: whoever has a role in the workflow may attach (R35). A content that the
/// case has already is not attached twice.
pub(in crate::engine) fn attach(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    attachment: &Attachment,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    comment::take_part(workflow, &command.actor)?;
    let mut reasons = Vec::new();
    let mut wrong = |code: &str, path: &str, title| {
        reasons.push(Reason::new(RefusalKind::Invalid, code, title).at(path));
    };
    let letters = attachment.name.chars().count();
    if attachment.name.trim().is_empty() || letters > ATTACHMENT_NAME_CHARS_MAX {
        let zh = format!("须为 1 至 {ATTACHMENT_NAME_CHARS_MAX} 个字符");
        wrong(
            "wrong_length",
            "name",
            Title::new(&zh, &format!("must have 1 to {ATTACHMENT_NAME_CHARS_MAX} characters")),
        );
    }
    if attachment.name.contains(|letter: char| letter.is_control() || "/\\".contains(letter)) {
        wrong("bad_name", "name", Title::new("不得含有 / \\ 或控制字符", "must not have / \\ or control characters"));
    }
    if !is_sha256(&attachment.sha256) {
        let title = Title::new("须为附件内容的 SHA-256", "must be the SHA-256 of the content");
        wrong("not_an_attachment", "sha256", title);
    }
    if case.attachment(&attachment.sha256).is_none() && case.attachments.len() >= ATTACHMENTS_MAX {
        let (zh, en) = (format!("最多 {ATTACHMENTS_MAX} 个附件"), format!("a case has at most {ATTACHMENTS_MAX}"));
        wrong("too_many", "", Title::new(&zh, &en));
    }
    if !reasons.is_empty() {
        return Err(Refusal::new(reasons, Vec::new()));
    }
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    if case.attachment(&attachment.sha256).is_none() {
        draft.record(Event::Attached { attachment: attachment.clone() }, Vec::new());
    }
    draft.finish(None)
}
