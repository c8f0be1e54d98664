//! The codes of problems: what `GET /problems/{code}` explains.

use crate::model::Title;

/// One kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Code {
    /// The stable code.
    pub(in crate::http) code: &'static str,
    /// The HTTP status.
    pub(in crate::http) status: u16,
    /// Whether the same request may succeed later.
    pub(in crate::http) retryable: bool,
    title: (&'static str, &'static str),
    about: (&'static str, &'static str),
}

impl Code {
    /// Its name for people.
    pub(in crate::http) fn title(&self) -> Title {
        Title::new(self.title.0, self.title.1)
    }

    /// What it means and what to do.
    pub(in crate::http) fn about(&self) -> Title {
        Title::new(self.about.0, self.about.1)
    }
}

/// The code called `name`.
pub(in crate::http) fn known(name: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.code == name).copied()
}

macro_rules! codes {
    ($($name:ident = $status:literal $code:literal $retryable:literal, $zh:literal $en:literal, $about_zh:literal $about_en:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $en, ".")]
            pub(in crate::http) static $name: Code = Code {
                code: $code,
                status: $status,
                retryable: $retryable,
                title: ($zh, $en),
                about: ($about_zh, $about_en),
            };
        )*
        /// Every code.
        static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    BAD_REQUEST = 400 "bad_request" false, "请求有误" "bad request",
        "无法理解该请求；请对照 /docs 检查路径、参数和请求头" "the request can't be understood; compare path, parameters and headers with /docs";
    BAD_JSON = 400 "bad_json" false, "不是有效的 JSON" "not JSON",
        "请求体不是有效的 JSON；请按所给位置修正" "the body is not JSON; mend it at the place that is named";
    BAD_HEADER = 400 "bad_header" false, "请求头有误" "bad header",
        "某个请求头的写法不被接受" "a header is not written in a form that is taken";
    BAD_PARAMETER = 400 "bad_parameter" false, "参数值有误" "bad parameter",
        "某个查询参数的值不被接受" "a query parameter has a value that is not taken";
    UNKNOWN_PARAMETER = 400 "unknown_parameter" false, "未知参数" "unknown parameter",
        "该接口没有这个查询参数；未知参数一律拒绝，不会被忽略" "there is no such query parameter here; unknown ones are refused, never ignored";
    BAD_CURSOR = 400 "bad_cursor" false, "游标有误" "bad cursor",
        "游标只能用于产生它的同一查询；请从第一页重新开始" "a cursor goes with the query that gave it; begin again with the first page";
    UNAUTHENTICATED = 401 "unauthenticated" false, "未认证" "not authenticated",
        "请求须带有效的 API 密钥：`Authorization: Bearer gk_...`" "a valid API key is needed: `Authorization: Bearer gk_...`";
    FORBIDDEN = 403 "forbidden" false, "无权限" "not allowed",
        "该密钥的角色或职责不允许此操作" "the roles or duties of this key don't allow it";
    NOT_FOUND = 404 "not_found" false, "不存在" "not found",
        "没有这个资源；请检查路径中的名称或编号" "there is nothing here; check the names and ids in the path";
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" false, "方法不支持" "method not allowed",
        "该路径不支持此方法；`Allow` 头列出了支持的方法" "the path does not take this method; the header `Allow` lists those it takes";
    CONFLICT = 409 "conflict" false, "与现状冲突" "not as things stand",
        "单据当前的阶段、条件或唯一值不允许此操作" "the stage, a condition or a unique value of the case stands against it";
    IN_FLIGHT = 409 "in_flight" true, "处理中" "still being judged",
        "使用同一 Idempotency-Key 的请求仍在处理；请稍后重发" "a request with the same Idempotency-Key is still being judged; send it again in a moment";
    OWN_KEY = 409 "own_key" false, "不能吊销自己的密钥" "own key",
        "不能用密钥吊销它自己；请改用另一个管理员密钥" "a key can't revoke itself; use another admin key";
    STALE = 412 "stale" false, "版本已过期" "stale version",
        "自客户端读取后单据已变化；`since` 列出了变化，请重新读取后再试" "the case has moved on since it was read; `since` lists what happened: read it again, then decide";
    TOO_LARGE = 413 "too_large" false, "请求体过大" "body too large",
        "请求体超过上限；批量数据请分批发送" "the body is larger than what is taken; send bulk data in parts";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" false, "内容类型不支持" "unsupported media type",
        "请用 `Content-Type` 说明受支持的格式" "say with `Content-Type` which of the supported formats the body has";
    BAD_BODY = 422 "bad_body" false, "请求体有误" "bad body",
        "请求体的结构有误；`errors` 列出每一处" "the body does not have the right shape; `errors` lists each place";
    INVALID = 422 "invalid" false, "未通过检查" "checks not passed",
        "输入有误，或某项检查未通过；`errors` 列出每一条及其规则" "the input is wrong or a check found something; `errors` lists everything with its rule";
    BAD_ROWS = 422 "bad_rows" false, "数据行有误" "bad rows",
        "有数据行不能接受，因此一行也没有写入；`errors` 给出每一行的行号" "some rows can't be taken, so none was; `errors` names the line of each";
    BAD_SCRIPT = 422 "bad_script" false, "脚本有误" "bad script",
        "脚本不能编译；`errors` 给出每一处的行和列" "the script can't be compiled; `errors` names line and column of each mistake";
    KEY_REUSED = 422 "key_reused" false, "幂等键已被使用" "idempotency key reused",
        "该 Idempotency-Key 已用于另一个请求；请为每个请求选用新的键" "this Idempotency-Key was used for another request; choose a new one for each request";
    INTERNAL = 500 "internal" false, "内部错误" "internal error",
        "服务器出错，原因已写入日志；请附上请求编号报告" "something went wrong in the server and is in its log; report it with the id of the request";
    UNAVAILABLE = 503 "unavailable" true, "暂时无法判断" "can't be judged now",
        "规则超出了资源限额或无法判断；单据没有变化" "a rule ran out of its budget or could not be judged; the case is unchanged";
    OVERLOADED = 503 "overloaded" true, "服务繁忙" "overloaded",
        "等待处理的命令过多；请稍后重试" "too many commands wait; try again in a moment";
    STARTING = 503 "starting" true, "正在启动" "starting",
        "数据正在打开或重建；进度见 `/readyz`，请稍后重试" "the data is being opened or built again; `/readyz` tells how far it is, try again in a moment";
    STORE = 503 "store" true, "存储不可用" "the store failed",
        "存储暂时不可用；请稍后重新发送，命令请带同一 Idempotency-Key：无论此前结果如何，只会执行一次"
        "the store failed just now; send the request again in a moment, a command with the same Idempotency-Key: whatever became of it, it is done once";
    TIMEOUT = 503 "timeout" true, "超时" "timeout",
        "请求未能在限定时间内收完并答复；请带同一 Idempotency-Key 重试" "the request was not received and answered in time; try again with the same Idempotency-Key";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ALL {
            assert!(seen.insert(code.code), "{} stands twice", code.code);
            assert!((400..600).contains(&code.status), "{}", code.code);
            assert_eq!(known(code.code), Some(*code));
            for text in [code.title.1, code.about.1] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.starts_with(char::is_uppercase), "{text}");
            }
        }
        assert_eq!(known("order"), None);
    }
}
