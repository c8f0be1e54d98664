//! Every limit, in one place; units and qualifiers stand last in the name.

/// Automatic transitions that one command may set off.
pub const AUTO_STEPS_MAX: usize = 32;
/// Cases that one command may change, its own among them.
pub const COMMAND_CASES_MAX: usize = 256;
/// Cases that may reach each other within one step, one by the next.
pub const SIGNAL_DEPTH_MAX: usize = 8;
/// Characters of a text value.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Bytes of a value, name or key that is stored under a key of its own.
pub const KEY_BYTES_MAX: usize = 256;
/// Rows of a list field.
pub const LIST_ROWS_MAX: usize = 1_000;
/// Entries of a map field.
pub const MAP_ENTRIES_MAX: usize = 100;
/// Fields of a workflow, of a list's row or columns of a table.
pub const FIELDS_MAX: usize = 200;
/// Years of a calendar.
pub const CALENDAR_YEARS_MAX: usize = 100;
/// Bytes of one definition file.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Files of a definition set.
pub const FILES_MAX: usize = 1_000;
/// Folders inside folders of a definition set.
pub const FOLDER_DEPTH_MAX: usize = 8;
/// Nesting of a YAML file.
pub const YAML_DEPTH_MAX: usize = 32;
/// Bytes of a rule script.
pub const SCRIPT_BYTES_MAX: usize = 64 * 1024;
/// Lines of a rule script.
pub const SCRIPT_LINES_MAX: usize = 2_000;
/// Operations that one rule or expression may use.
pub const RULE_OPERATIONS_MAX: u64 = 100_000;
/// Milliseconds of wall time that one rule or expression may use: far more than any sound one needs, so that a
/// busy machine does not refuse what is right.
pub const RULE_MILLISECONDS_MAX: u64 = 250;
/// Calls inside calls in a script.
pub const RULE_CALL_LEVELS_MAX: usize = 32;
/// Nesting of expressions at the top of a script.
pub const RULE_EXPRESSION_DEPTH_MAX: usize = 64;
/// Nesting of expressions inside a function of a script.
pub const RULE_FUNCTION_EXPRESSION_DEPTH_MAX: usize = 32;
/// Bytes of a string that a script makes.
pub const RULE_STRING_BYTES_MAX: usize = 16 * 1024;
/// Elements of an array or a map that a script makes, nested ones counted.
pub const RULE_ELEMENTS_MAX: usize = 200;
/// Variables in scope in a script.
pub const RULE_VARIABLES_MAX: usize = 256;
/// Functions of a script.
pub const RULE_FUNCTIONS_MAX: usize = 64;
/// Modules of `rules/lib` that a script may import.
pub const RULE_MODULES_MAX: usize = 8;
/// Findings that one rule may report; more is an error of the rule.
pub const RULE_FINDINGS_MAX: usize = 1_000;
/// Bytes of the findings of one rule together; more is an error of the rule.
pub const RULE_FINDING_BYTES_MAX: usize = 256 * 1024;
/// Lists inside lists that a script can make: dropping deeper ones would need too much stack.
pub const RULE_LIST_DEPTH_MAX: usize = 8;
/// Operations between two looks at the clock: a look costs more than an operation.
pub const RULE_CLOCK_OPERATIONS: u64 = 64;
/// Steps of a plan, the short way of a script, before Rhai takes over and counts operations.
pub const RULE_DIRECT_STEPS_MAX: u64 = 20_000;
/// Operations that Rhai may count where a plan counts one step; a plan ends well before Rhai's budget would.
pub const RULE_DIRECT_STEP_OPERATIONS: u64 = 4;
/// Variables of a function that has a plan.
pub const RULE_DIRECT_PLACES_MAX: usize = 64;
/// Functions inside each other on the short way.
pub const RULE_DIRECT_LEVELS_MAX: usize = 12;
/// Rows of tables that one script may name on the short way.
pub const RULE_DIRECT_ROWS_MAX: usize = 1_000;
/// Operations that the constants of one script may use while it is loaded.
pub const RULE_LOAD_OPERATIONS_MAX: u64 = 1_000_000;
/// Calls of functions that the check of one script looks into.
pub const RULE_CHECK_CALLS_MAX: usize = 2_000;
/// Calls inside calls that the check of one script follows.
pub const RULE_CHECK_DEPTH_MAX: usize = 16;
/// Bytes of stack of a thread that decides; smaller ones abort on nested values.
pub const DECIDER_STACK_BYTES: usize = 16 * 1024 * 1024;
/// Commands that may wait for a thread that decides; more are refused.
pub const DECISIONS_WAITING_MAX: usize = 4_096;
/// Commands that may wait to be made durable.
pub const COMMITS_WAITING_MAX: usize = 4_096;
/// Seconds after a failed write for which the server says that it is not ready. Then it may be tried again: only a
/// write can tell whether the disk is well, and none comes to a server that says it is not.
pub const NOT_READY_SECONDS: i64 = 10;
/// Locks that keep commands on one case in line; cases share them by their id.
pub const CASE_LANES: usize = 1_024;
/// Cases that one request for a list looks at; it is told where to go on.
pub const LIST_CASES_MAX: usize = 20_000;
/// Cases that one request for a view looks at; where there are more, it says so.
pub const VIEW_CASES_MAX: usize = 50_000;
/// Rows that one request for a view puts in order.
pub const VIEW_PLACES_MAX: usize = 200_000;
/// Rows of a view in one file (CSV, XLSX).
pub const VIEW_FILE_ROWS_MAX: usize = 20_000;
/// Measures of which is kept what each case counts for.
pub const MEASURES_KEPT_MAX: usize = 32;
/// Cases of one measure of which that is kept; a measure of more is judged anew each time.
pub const MEASURE_ITEMS_KEPT_MAX: usize = 1_000_000;
/// Cases that a list reads from the store at a time.
pub const SCAN_CASES: usize = 256;
/// Commands that one group makes durable together.
pub const GROUP_COMMANDS_MAX: usize = 256;
/// Times a command is decided again when it lost a race.
pub const DECIDE_RETRIES_MAX: usize = 8;
/// Races that a command loses beside others; after them it gets its turn alone.
pub const LOSSES_BESIDE_MAX: usize = 2;
/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a bulk request body (NDJSON, CSV).
pub const BULK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Items on one page of a list.
pub const PAGE_ITEMS_MAX: usize = 200;
/// Items on one page when the client does not say.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Seconds that a client has to send the head of a request.
pub const HEADER_SECONDS_MAX: u64 = 5;
/// Bytes of the head of a request.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Seconds that a client has to send the body and get the answer.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// Seconds that requests in flight have when the server ends.
pub const DRAIN_SECONDS_MAX: u64 = 25;
/// Open connections.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Open connections from one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Hours for which the answer to an `Idempotency-Key` is kept.
pub const IDEMPOTENCY_HOURS: i64 = 24;
/// Events that a subscriber may lag behind before it reads them from the store.
pub const EVENTS_BUFFER_MAX: usize = 1_024;
/// Closed segments of the journal that stay as they are; older ones are compressed.
pub const SEGMENTS_UNARCHIVED: usize = 2;
/// Bytes that are committed and not yet in the state, after which they are written there at once.
pub const OVERLAY_FLUSH_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that are committed and not yet in the state, after which commits wait.
pub const OVERLAY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Seconds that a commit waits for the state before it is refused.
pub const OVERLAY_WAIT_SECONDS_MAX: u64 = 5;
/// Bytes of the journal that a restart reads again at most, and a few more.
pub const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of memory for cases that were read or written lately.
pub const CASE_CACHE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Answers to idempotency keys that are forgotten at a time, and a few more.
pub const ANSWERS_FORGOTTEN_MAX: usize = 20_000;
/// Bytes of one stored value; a larger one is refused.
pub const STORED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Diagnostics about one definition file; the rest is left out.
pub const FILE_DIAGNOSTICS_MAX: usize = 200;
/// Cases that are woken at a time, when their time has come.
pub const WAKES_AT_ONCE_MAX: usize = 32;
/// Wakes that are read from the store at a time.
pub const WAKES_READ: usize = 256;
/// Cases that are woken together after a change of the definitions.
pub const CATCH_UP_CASES: usize = 64;
/// Milliseconds between two such groups: whoever works meanwhile goes first.
pub const CATCH_UP_PAUSE_MILLISECONDS: u64 = 10;
/// Milliseconds after which a wake that failed is tried again; each failure doubles them.
pub const TIMER_PAUSE_MILLISECONDS_MIN: i64 = 1_000;
/// Milliseconds between two tries of a wake that fails, at most.
pub const TIMER_PAUSE_MILLISECONDS_MAX: i64 = 5 * 60 * 1_000;
/// Milliseconds between two looks at the clock, at most: it may jump, and the machine may have slept.
pub const TIMER_SLEEP_MILLISECONDS_MAX: i64 = 500;
/// Bytes of one record of the journal.
pub const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bytes of the journal between two places that are kept in memory to find events by their position.
pub const JOURNAL_INDEX_BYTES: u64 = 64 * 1024;
/// The largest quantity of a resource that one row, arrival or pool may say.
pub const RESOURCE_QUANTITY_MAX: i64 = 1_000_000_000_000_000;
/// Decimals of a quantity of a resource: sums of such quantities are exact.
pub const RESOURCE_DECIMALS_MAX: u32 = 9;
/// Cases that wait for one pool and are woken together, and a few more; the others wait for the next time.
pub const WAKE_CASES_MAX: usize = 10_000;
/// Transitions on the way to the stage in which a scenario begins.
pub const WAY_STEPS_MAX: usize = 64;
/// Files that may be attached to one case.
pub const ATTACHMENTS_MAX: usize = 200;
/// Characters of the name of an attached file.
pub const ATTACHMENT_NAME_CHARS_MAX: usize = 200;
/// Bytes of an attached file, when the settings don't say.
pub const ATTACHMENT_BYTES_DEFAULT: u64 = 20 * 1024 * 1024;
/// Seconds that a scanner may take for one file.
pub const SCAN_SECONDS_MAX: u64 = 20;
/// Hours after which an upload that no case came to have is removed.
pub const UPLOAD_HOURS_MAX: u64 = 24;
/// Characters of the subject of a message.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// Bytes of the text of a message, in one language and form.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Steps that writing one text of a message may take.
pub const MESSAGE_FUEL_MAX: u64 = 200_000;
/// Bytes of a printed document.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Steps that printing a document may take.
pub const PAGE_FUEL_MAX: u64 = 2_000_000;
/// Templates and blocks inside each other while a message is written.
pub const MESSAGE_RECURSION_MAX: usize = 32;
/// Recipients that one message has, times its channels.
pub const SENDINGS_MAX: usize = 100;
/// Messages that are sent at the same time.
pub const DELIVERIES_BESIDE: usize = 8;
/// Seconds that an attempt to send a message may take.
pub const DELIVERY_SECONDS_MAX: u64 = 10;
/// Times a message is tried before it is dead: about six hours.
pub const DELIVERY_TRIES_MAX: u32 = 15;
/// Seconds until a message is tried again, at least.
pub const DELIVERY_DELAY_SECONDS_MIN: u64 = 5;
/// Seconds until a message is tried again, at most.
pub const DELIVERY_DELAY_SECONDS_MAX: u64 = 3_600;
