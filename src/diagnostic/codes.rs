//! The stable codes of the definition files and what each means. Rules and expressions have their own beside.

/// Every code with a line that explains it: `E0xx` for what a file may hold, `E1xx` for what a workflow may say,
/// `Wxxx` for doubts. A code keeps its meaning for ever.
pub const CODES: &[(&str, &str)] = &[
    ("E001", "definition files are UTF-8"),
    ("E002", "a definition file has a limited size"),
    ("E003", "the file is not well-formed YAML"),
    ("E004", "lists and maps may be nested only so deep"),
    ("E005", "YAML anchors are refused: a value is written where it is needed"),
    ("E006", "YAML aliases are refused: they can make a small file enormous, and hide where a value comes from"),
    ("E007", "YAML tags are refused: what a value is follows from where it stands"),
    ("E008", "YAML merge keys are refused: a map holds what is written in it"),
    ("E009", "a file holds one YAML document"),
    ("E010", "a key stands only once in its map; otherwise one of the values would be lost"),
    ("E011", "a key is one word"),
    ("E012", "the file has no content"),
    ("E013", "the file has so many mistakes that the rest was not read"),
    ("E014", "a definition set has a limited number of files"),
    ("E020", "the key is not a part of the language at this place"),
    ("E021", "a key is missing that must be there"),
    ("E022", "the value has another shape: a map, a list or a single value is expected"),
    ("E023", "the value is not of the kind that is expected here, such as a number or true and false"),
    ("E024", "the word is not one of those that are known here"),
    ("E025", "a name begins with a letter from a to z and goes on with a-z, 0-9 and _, at most 64 in all"),
    ("E026", "the name is reserved: in an expression it would mean something else"),
    ("E027", "the key says nothing about a field of this type, or about this kind of thing"),
    ("E028", "the key belongs to a part of the language that this version does not have"),
    ("E029", "the name in the file is not the file's name"),
    ("E030", "keys exclude each other"),
    ("E101", "there is no such stage"),
    ("E102", "there is no such role"),
    ("E103", "there is no such field"),
    ("E104", "there is no such table"),
    ("E105", "there is no such rule"),
    ("E106", "there is no such calendar"),
    ("E107", "there is no such transition"),
    ("E108", "there is no such time zone"),
    ("E110", "the value can't be read as a value of the field"),
    ("E111", "a number is made of letters, `{date}` and one `{seq}` or `{seq:4}`"),
    ("E112", "the field can't be written here: a formula computes it, or its rows are only added"),
    ("E113", "formulas lean on each other in a circle"),
    ("E114", "a formula is stored, and over `today` or `now` it would be wrong tomorrow"),
    ("E115", "the key of a table is one of its columns and holds text"),
    ("E116", "the bounds exclude each other"),
    ("E120", "nobody could take the transition"),
    ("E121", "a transition leads to a stage or stays, one of the two"),
    ("E122", "two transitions of one name leave the same stage"),
    ("E123", "an end is an end: no transition leaves a final stage"),
    ("E124", "a workflow has stages, and one of them at least is final"),
    ("E125", "automatic transitions without a condition would go round for ever"),
    ("E126", "the engine takes an automatic transition, and it can't answer questions"),
    ("E127", "a condition as a map compares fields with texts, numbers and true or false only"),
    ("E128", "the rule has no function for this use"),
    ("E129", "the rule takes no parameters"),
    ("E130", "a part of the definition has a limited size"),
    ("E131", "a person is named by a role or by a field of the type `user`"),
    ("E132", "the set has no workflow, or a workflow no opening"),
    ("E133", "an expression gives a value of another kind than is needed"),
    ("E134", "a condition must always be true or false"),
    ("E160", "there is no such message"),
    ("E161", "the template of a message can't be read"),
    ("E162", "a template names something that is not there"),
    ("E163", "a template computes with, compares or writes what it can't"),
    ("E164", "there is no such channel"),
    ("E165", "a message reaches nobody, or a channel nobody of those it is for"),
    ("E201", "the script can't be read"),
    ("E202", "a script is longer than its limit"),
    ("E203", "a name that is neither a field nor a variable"),
    ("E204", "a record has no such field"),
    ("E205", "no function has this name"),
    ("E206", "a function is called with a wrong number of arguments"),
    ("E207", "a value that may be missing is used without `??` or `is_set`"),
    ("E208", "values of unlike types are compared or computed with each other"),
    ("E209", "a word or form that is not part of the language"),
    ("E210", "a rule has neither a function `check` nor a function `run`, or one with wrong parameters"),
    ("E211", "a module of `rules/lib` is unknown, has a wrong name, or imports itself"),
    ("E212", "a condition that is not a boolean"),
    ("E213", "there is no such stage, table or subset"),
    ("E214", "a choice or a stage is compared with a text that it never is"),
    ("E901", "the file or folder can't be read"),
    ("E902", "a definition set has a limited number of files"),
    ("E903", "the folder holds no definitions"),
    ("E904", "folders may be nested only so deep"),
    ("E905", "a definition file is a regular file whose name can be written"),
    ("E906", "a definition file has a limited size"),
    ("E907", "the compiler stopped; this is a mistake in gendan"),
    ("E908", "the store could not keep the definitions, so they did not go live"),
    ("W001", "the file is not one that a definition set has, so nothing reads it"),
    ("W101", "no transition leads to the stage"),
    ("W102", "no transition leaves the stage, and it is not final"),
    ("W103", "no end can be reached from the stage"),
    ("W104", "the field has no title, and nothing names it"),
    ("W105", "no workflow uses the rule"),
    ("W106", "no workflow uses the role"),
    ("W107", "a title has one language where others have two"),
    ("W108", "the branch is never taken: one before it always holds"),
    ("W109", "no workflow sends the message"),
    ("W201", "a code that a rule reports has no sentence"),
];

/// The line that explains `code`.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, line)| *line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(explain("E101").is_some_and(|line| line.contains("stage")));
        assert_eq!(explain("E999"), None);
    }
}
