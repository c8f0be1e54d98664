//! The words of the domain-free core: values, cases, commands, events, refusals and the world.
//!
//! INVARIANT: nothing here does I/O, asks for the time or knows a business word.

pub mod absence;
pub mod approval;
pub mod attachment;
pub mod case;
pub mod clock;
pub mod command;
pub mod document;
pub mod event;
pub mod finding;
pub mod id;
pub mod kin;
pub mod limit;
pub mod notice;
pub mod refusal;
pub mod resource;
pub mod task;
pub mod time;
pub mod timer;
pub mod title;
pub mod value;
pub mod world;

pub use approval::{Agreed, Approval, ApprovalStep, Approver, Lapse};
pub use attachment::{Attachment, Filed};
pub use case::{Case, Entry};
pub use clock::{Clock, ClockChange, Closed, Outcome, Pause};
pub use command::{Act, Actor, Command};
pub use document::{Documents, Issued};
pub use event::{Changes, Event, Recorded};
pub use finding::{Finding, Mode, Place, Severity, Verdict, VerdictError};
pub use id::{CaseId, Name, Revision, UserId, name};
pub use kin::{Bond, CaseName, Kin};
pub use notice::{Channel, Notice, Recipient, Sending, SendingId};
pub use refusal::{Reason, Refusal, RefusalKind};
pub use resource::{Held, Pool};
pub use task::{Task, TaskState, TaskStep};
pub use time::Timestamp;
pub use timer::Timers;
pub use title::{Language, Title};
pub use value::{Record, Value};
pub use world::{Budget, World};
