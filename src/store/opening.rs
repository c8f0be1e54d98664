//! From what is on the disk to a store: the journal is opened, and the state is brought to where it ends.

use std::sync::{Arc, PoisonError};

use crate::model::limit::OVERLAY_FLUSH_BYTES;
use crate::sync::atomic::Ordering;

use super::Error;
use super::apply::Apply;
use super::disk::Disk;
use super::entry;
use super::journal::{self, Address, End, Journal};
use super::kv::Kv;
use super::ledger::{Ledger, Parts};
use super::state::State;

/// Told how far the opening has come: bytes of the journal read, and all that are to be read.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Opens a store over a disk with a journal and a backend for its state.
///
/// # Errors
/// When the journal is damaged or shorter than the state knows it, and when the disk says no. A state that is
/// lost, damaged or of another form is no error: it is put aside and built again.
pub(super) fn open(
    disk: Arc<dyn Disk>,
    kv: Arc<dyn Kv>,
    options: journal::Options,
    applier: bool,
    progress: Progress<'_>,
) -> Result<Ledger, Error> {
    let state = State::new(Arc::clone(&kv));
    let known = known(&state, &*kv)?;
    let reaches = match &known {
        Known::Until(end) => end.address,
        Known::Nothing | Known::Unusable(_) => Address::default(),
    };
    let (journal, opened) = Journal::open(disk, journal::Options { reaches, ..options })?;
    let parts = Arc::new(Parts::new(journal, state));
    if let Some(cut) = opened.cut {
        let journal::Cut { file, at, bytes, reason } = cut;
        parts.notice(format!(
            "the last {bytes} bytes of journal/{file}, from byte {at} on, were never acknowledged and were cut off: {reason}"
        ));
    }
    for file in opened.removed {
        parts.notice(format!("journal/{file}, which a stop in the middle had left behind, was removed"));
    }
    let known = match known {
        Known::Until(reached) if reached.address == parts.journal.end().address && reached != parts.journal.end() => {
            Known::Unusable("it belongs to another journal".to_owned())
        }
        known @ (Known::Until(_) | Known::Nothing | Known::Unusable(_)) => known,
    };
    match known {
        Known::Until(end) => {
            if let Err(error) = replay(&parts, end, progress) {
                // Either the journal is damaged, or the state is not the one that belongs to it.
                sound(&parts.journal)?;
                rebuild(&parts, &error.to_string(), progress)?;
            }
        }
        Known::Nothing => {
            replay(&parts, End::default(), progress)?;
            if parts.journal.end() != End::default() {
                parts.notice("the state was empty; it was made from the journal".to_owned());
            }
        }
        Known::Unusable(reason) => rebuild(&parts, &reason, progress)?,
    }
    parts.visible.store(parts.journal.end().position.0, Ordering::SeqCst);
    Ledger::over(parts, applier)
}

enum Known {
    /// The state stands for the journal up to there.
    Until(End),
    /// There is no state yet.
    Nothing,
    /// There is one that can't be used.
    Unusable(String),
}

/// What the state says of itself.
fn known(state: &State, kv: &dyn Kv) -> Result<Known, Error> {
    let found = kv.open().and_then(|()| Ok((state.reached()?, state.is_empty()?)));
    match found {
        Ok((Some(reached), _)) => Ok(Known::Until(reached)),
        Ok((None, true)) => Ok(Known::Nothing),
        Ok((None, false)) => Ok(Known::Unusable("it has another form".to_owned())),
        Err(error @ (Error::Damaged { .. } | Error::Newer { .. })) => Ok(Known::Unusable(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Puts the state aside and builds it again from the whole journal; nothing is read or committed meanwhile.
///
/// # Errors
/// When the journal can't be read, or the new state can't be written.
pub(super) fn rebuild(parts: &Parts, reason: &str, progress: Progress<'_>) -> Result<(), Error> {
    parts.rebuilding.set(0, parts.journal.end().address.0);
    let _writer = parts.writer.lock().unwrap_or_else(PoisonError::into_inner);
    let aside = parts.state.renew()?;
    drop(parts.state.take_damage());
    tracing::error!(reason, "the state could not be used");
    parts.notice(format!("the state could not be used; it was put aside {aside} and is built again"));
    replay(parts, End::default(), progress)?;
    parts.rebuilding.end();
    parts.notice("the state was built again from the journal".to_owned());
    Ok(())
}

/// Brings the state from `from` to the end of the journal.
fn replay(parts: &Parts, from: End, progress: Progress<'_>) -> Result<(), Error> {
    let (state, journal) = (&parts.state, &parts.journal);
    let all = journal.end().address.0.saturating_sub(from.address.0);
    state.begin(from)?;
    let mut scan = journal.scan(from)?;
    while let Some(record) = scan.next()? {
        let mut apply = Apply::new(state, journal);
        apply.entry(entry::decode(record.address, &record.body)?.0, record.address)?;
        state.publish(apply.done(), record.body.len(), record.end);
        if state.waiting() > OVERLAY_FLUSH_BYTES {
            state.flush()?;
            let done = record.end.address.0.saturating_sub(from.address.0);
            parts.rebuilding.advance(done);
            progress(done, all);
        }
    }
    progress(all, all);
    Ok(())
}

/// Whether the whole journal can be read.
fn sound(journal: &Journal) -> Result<(), Error> {
    let mut scan = journal.scan(End::default())?;
    while scan.next()?.is_some() {}
    Ok(())
}
