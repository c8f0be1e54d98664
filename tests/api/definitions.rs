//! What is live, and what became of the last attempt.

use super::*;

#[tokio::test]
async fn a_broken_set_is_told_and_the_good_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workflows/request.yaml");
    let write = |path: &Path, text: &[u8]| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/set");
    for name in [
        "workflows/roles.yaml",
        "workflows/tables.yaml",
        "workflows/request.yaml",
        "workflows/audit.yaml",
        "workflows/documents/note.html",
        "rules/within.rhai",
        "rules/within.messages.yaml",
    ] {
        write(&folder.path().join(name), &std::fs::read(set.join(name)).unwrap());
    }
    let api = Api::over(folder.path().to_owned()).await;
    let before = api.get("ann", "/v1/definitions").await.json();
    assert_eq!((&before["attempt"]["accepted"], &before["attempt"]["diagnostics"]), (&json!(true), &json!([])));
    let good = std::fs::read_to_string(&file).unwrap();
    write(&file, good.replace("by: boss", "by: bos").as_bytes());
    let runtime = api.runtime.clone();
    tokio::task::spawn_blocking(move || runtime.library().reload()).await.unwrap();
    let after = api.get("ann", "/v1/definitions").await;
    assert_eq!(after.json()["revision"], before["revision"]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&after.json()["attempt"]["diagnostics"]).unwrap(), @r#"
    [
      {
        "level": "error",
        "code": "E102",
        "file": "workflows/request.yaml",
        "line": 42,
        "column": 13,
        "length": 3,
        "message": "there is no role `bos`",
        "help": "did you mean `boss`?"
      },
      {
        "level": "error",
        "code": "E102",
        "file": "workflows/request.yaml",
        "line": 48,
        "column": 13,
        "length": 3,
        "message": "there is no role `bos`",
        "help": "did you mean `boss`?"
      }
    ]
    "#);
    assert_eq!(after.json()["attempt"]["accepted"], false);
    api.submitted().await;
    assert_eq!(api.get("", "/readyz").await.status, 200);
}
