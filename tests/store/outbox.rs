//! The outbox of a store: the same after a restart, whatever was lost of the state.

use gendan::model::{Channel, Event, Notice, Recipient, Sending, SendingId, Timestamp, Title};
use gendan::store::{Delivery, DeliveryChange, DeliveryState, Item, Wanted};

use crate::bed::{Bed, Draft, event, id, opened};

macro_rules! on_every_store {
    ($($check:ident)*) => {
        mod memory { $(#[test] fn $check() { super::$check(crate::bed::Bed::memory()); })* }
        mod folder { $(#[test] fn $check() { super::$check(crate::bed::Bed::folder()); })* }
    };
}

on_every_store! {
    a_sending_follows_from_its_cause_and_changes_only_as_it_can
    a_notice_of_its_own_is_written_once
    sendings_are_listed_by_what_they_wait_for
}

fn notice(sendings: &[(Channel, Recipient)]) -> Notice {
    let sendings = sendings.iter().map(|(channel, to)| Sending { channel: *channel, to: to.clone() });
    Notice {
        message: "m".into(),
        language: None,
        subject: Title::default(),
        body: Title::both("b"),
        html: Title::default(),
        sendings: sendings.collect(),
        failed: None,
    }
}

fn email() -> (Channel, Recipient) {
    (Channel::Email, Recipient::Email("a@example.com".into()))
}

fn inbox() -> (Channel, Recipient) {
    (Channel::Inbox, Recipient::Role("r".into()))
}

fn change(bed: &Bed, id: SendingId, at: i64, change: DeliveryChange) -> Delivery {
    bed.one(Item::Delivery { id, at: Timestamp(at), change });
    bed.store().outbox(&Wanted::One(id), 1).unwrap().remove(0)
}

fn a_sending_follows_from_its_cause_and_changes_only_as_it_can(bed: Bed) {
    let told = Event::Notified { notice: notice(&[email(), inbox()]) };
    bed.commit([Draft::open(id(1), "W1").into()]);
    bed.commit([Draft::after(id(1), &[event(1, opened("W1"))], vec![told]).into()]);
    let sending = SendingId { source: id(1), version: 2, place: 0 };
    let boxed = SendingId { place: 1, ..sending };
    let again = || DeliveryChange::Again { by: "root".into() };
    let read = || DeliveryChange::Read { by: "li".into() };
    let failed = DeliveryChange::Failed { reason: "busy".into(), next: Timestamp(9_000) };
    let begun = change(&bed, sending, 6_000, again());
    assert_eq!((begun.state, begun.tries), (DeliveryState::Pending { due: Timestamp(5_000) }, 0), "it is not dead");
    let begun = change(&bed, sending, 6_000, failed);
    assert_eq!((begun.state, begun.tries), (DeliveryState::Pending { due: Timestamp(9_000) }, 1));
    let dead = change(&bed, sending, 9_000, DeliveryChange::Dead { reason: "gone".into() });
    assert_eq!(
        (dead.state, dead.tries, dead.reason.as_deref()),
        (DeliveryState::Dead { at: Timestamp(9_000) }, 2, Some("gone"))
    );
    let dead = change(&bed, sending, 9_100, DeliveryChange::Sent);
    assert_eq!(dead.state, DeliveryState::Dead { at: Timestamp(9_000) }, "what is dead was not sent");
    let waits = change(&bed, sending, 9_200, again());
    assert_eq!(
        (waits.state, waits.again_by.as_deref()),
        (DeliveryState::Pending { due: Timestamp(9_200) }, Some("root"))
    );
    assert_eq!(change(&bed, sending, 9_300, read()).read.len(), 0, "an e-mail is not in a box");
    let sent = change(&bed, sending, 9_300, DeliveryChange::Sent);
    assert_eq!((sent.state, sent.reason), (DeliveryState::Sent { at: Timestamp(9_300) }, None));
    let boxed_now = change(&bed, boxed, 9_400, read());
    assert_eq!(boxed_now.state, DeliveryState::Sent { at: Timestamp(5_000) });
    assert_eq!(boxed_now.read, [("li".into(), Timestamp(9_400))].into());
    assert_eq!(change(&bed, boxed, 9_500, read()).read, boxed_now.read, "it was read when it was read first");
    bed.sound();
}

fn a_notice_of_its_own_is_written_once(bed: Bed) {
    let item = |at| Item::Notice { id: id(5), at: Timestamp(at), notice: Box::new(notice(&[inbox()])) };
    bed.commit([item(1), item(2)]);
    bed.one(item(3));
    let found = bed.store().outbox(&Wanted::Inbox { of: inbox().1, after: None }, 10).unwrap();
    assert_eq!(found.iter().map(|delivery| delivery.at).collect::<Vec<_>>(), [Timestamp(1)]);
    assert_eq!(bed.store().notice(found[0].id).unwrap(), Some(notice(&[inbox()])));
    bed.sound();
}

fn sendings_are_listed_by_what_they_wait_for(bed: Bed) {
    for (number, at) in [(1, 30), (2, 10), (3, 20)] {
        bed.one(Item::Notice { id: id(number), at: Timestamp(at), notice: Box::new(notice(&[email(), email()])) });
    }
    let places = |wanted: Wanted| {
        let found = bed.store().outbox(&wanted, 10).unwrap();
        found.iter().map(|delivery| (delivery.at.0, delivery.id.place)).collect::<Vec<_>>()
    };
    let due = |now, after| Wanted::Due { now: Timestamp(now), after };
    assert_eq!(places(due(9, None)), []);
    assert_eq!(places(due(20, None)), [(10, 0), (10, 1), (20, 0), (20, 1)]);
    let first = SendingId { source: id(2), version: 0, place: 0 };
    assert_eq!(places(due(20, Some((Timestamp(10), first)))), [(10, 1), (20, 0), (20, 1)]);
    assert_eq!(places(Wanted::Before(SendingId { place: 1, ..first })), [(10, 0)]);
    change(&bed, first, 40, DeliveryChange::Sent);
    change(&bed, SendingId { place: 1, ..first }, 50, DeliveryChange::Sent);
    assert_eq!(places(Wanted::Sent(None)), [(10, 1), (10, 0)], "the newest first");
    assert_eq!(places(Wanted::Pending(None)).len(), 4);
    bed.sound();
}
