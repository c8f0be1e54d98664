//! The store in memory is a store: it hands everything on to its ledger.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::{
    Answer, AnswerKey, Damage, Delivery, Error, Health, IndexKey, Item, KeyRecord, Logged, Outcome, Position, Scan,
    Store, Wanted,
};
use super::Memory;
use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Notice, Pool, Record, Revision, SendingId, Timestamp};
use crate::workflow::Files;

impl Store for Memory {
    fn commit(&self, group: Vec<Item>) -> Result<Vec<Outcome>, Error> {
        self.ledger.commit(group)
    }

    fn case(&self, id: CaseId) -> Result<Option<Arc<Case>>, Error> {
        self.ledger.case(id)
    }

    fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error> {
        self.ledger.holder(hold)
    }

    fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Error> {
        self.ledger.history(id, after, limit)
    }

    fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Error> {
        self.ledger.log(after, limit)
    }

    fn position(&self) -> Position {
        self.ledger.position()
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<CaseId>, Error> {
        self.ledger.scan(scan)
    }

    fn counts(&self) -> Result<Vec<(IndexKey, u64)>, Error> {
        self.ledger.counts()
    }

    fn due(
        &self,
        after: Option<(Timestamp, CaseId)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, CaseId)>, Error> {
        self.ledger.due(after, until, limit)
    }

    fn due_of(&self, id: CaseId) -> Result<Option<Timestamp>, Error> {
        self.ledger.due_of(id)
    }

    fn progress(&self, of: &str) -> Result<Option<Name>, Error> {
        self.ledger.progress(of)
    }

    fn series(&self, series: &str) -> Result<u64, Error> {
        self.ledger.series(series)
    }

    fn rows(&self) -> Result<Vec<(Name, Name, Record)>, Error> {
        self.ledger.rows()
    }

    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error> {
        self.ledger.answer(key)
    }

    fn outbox(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Delivery>, Error> {
        self.ledger.outbox(wanted, limit)
    }

    fn notice(&self, id: SendingId) -> Result<Option<Notice>, Error> {
        self.ledger.notice(id)
    }

    fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        self.ledger.keys()
    }

    fn file(&self, sha256: &str) -> Result<Option<Arc<[u8]>>, Error> {
        self.ledger.file(sha256)
    }

    fn live(&self) -> Result<Option<(Revision, Files)>, Error> {
        self.ledger.live()
    }

    fn pool(&self, resource: &str, key: &str) -> Result<Pool, Error> {
        self.ledger.pool(resource, key)
    }

    fn pools(&self, resource: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Pool)>, Error> {
        self.ledger.pools(resource, after, limit)
    }

    fn holders(
        &self,
        resource: &str,
        key: &str,
        after: Option<CaseId>,
        limit: usize,
    ) -> Result<Vec<(CaseId, Decimal)>, Error> {
        self.ledger.holders(resource, key, after, limit)
    }

    fn health(&self) -> Health {
        self.ledger.health()
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
        self.ledger.verify(progress)
    }
}
