//! Views: tables over many cases, as JSON, CSV and XLSX.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};

use super::*;

impl Api {
    /// Requests in several stages: two drafts with rows, three that wait, one with a text like a formula.
    async fn filled() -> Self {
        let api = Self::start().await;
        for (who, amount, lines) in [
            ("ann", 5, json!([{ "what": "=1+1" }, { "what": "ink, \"black\"" }])),
            ("bob", 7, json!([{ "what": "paper", "cost": "2.50" }])),
            ("ann", 30, json!([])),
            ("ann", 20, json!([{ "what": "纸" }])),
            ("ann", 30, json!([])),
        ] {
            api.clock.advance(std::time::Duration::from_secs(60));
            let fields = json!({ "thing": "A", "amount": amount, "lines": lines });
            let opened = api.post(who, "/v1/workflows/request/cases", json!({ "fields": fields })).await;
            assert_eq!(opened.status, StatusCode::CREATED, "{opened}");
            if amount >= 20 {
                let case = opened.header("location").unwrap().to_owned();
                let taken = api.post("ann", &format!("{case}/transitions/submit"), json!({})).await;
                assert_eq!(taken.status, StatusCode::OK, "{taken}");
            }
        }
        api
    }

    /// The rows of a view, a line each.
    async fn rows(&self, who: &str, path: &str) -> String {
        let answer = self.get(who, path).await;
        if answer.status != StatusCode::OK {
            return answer.faults();
        }
        let body = answer.json();
        let rows = body["data"].as_array().unwrap().iter();
        let more = format!("more: {} count: {}", body["has_more"], body["count"]);
        let line = |row: &Json| steady(&format!("{} {} {}\n", row["number"], row["line"], row["cells"]));
        rows.map(line).chain([more]).collect()
    }

    async fn bytes(&self, who: &str, path: &str) -> (HeaderMap, Vec<u8>) {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {}", self.keys[who]));
        let mut response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(std::mem::take(response.body_mut()), 10_000_000).await.unwrap();
        (response.headers().clone(), body.to_vec())
    }
}

#[tokio::test]
async fn a_view_has_a_row_for_each_row_of_its_list() {
    let api = Api::filled().await;
    insta::assert_snapshot!(api.get("bob", "/v1/views/costs?limit=1").await, @r#"
    200
    link: </v1/views/costs?limit=1&cursor=<cursor>>; rel="next"
    {
      "view": "costs",
      "workflow": "request",
      "title": "Costs",
      "columns": [
        {
          "column": "number",
          "title": "Number"
        },
        {
          "column": "stage",
          "title": "Stage"
        },
        {
          "column": "thing.name",
          "title": "name"
        },
        {
          "column": "line.what",
          "title": "what"
        },
        {
          "column": "line.cost",
          "title": "cost"
        },
        {
          "column": "double",
          "title": "Double"
        },
        {
          "column": "entered.review.at",
          "title": "Review at"
        },
        {
          "column": "entered.review.by",
          "title": "Review by"
        }
      ],
      "sort": [],
      "rows": "lines",
      "data": [
        {
          "case": "<case>",
          "number": "RQ20260924-0004",
          "line": 0,
          "cells": [
            "RQ20260924-0004",
            {
              "value": "review",
              "title": "Review"
            },
            "Anvil",
            "纸",
            null,
            "40",
            "2026-09-24T01:04:00Z",
            "ann"
          ]
        }
      ],
      "next_cursor": "<cursor>",
      "has_more": true
    }
    "#);
}

#[tokio::test]
async fn a_view_goes_through_the_lists_of_all_its_cases() {
    let api = Api::filled().await;
    insta::assert_snapshot!(api.rows("bob", "/v1/views/costs").await, @r#"
    "RQ20260924-0004" 0 ["RQ20260924-0004",{"value":"review","title":"Review"},"Anvil","纸",null,"40","2026-09-24T01:04:00Z","ann"]
    "RQ20260924-0002" 0 ["RQ20260924-0002",{"value":"draft","title":"Draft"},"Anvil","paper","2.50","14",null,null]
    "RQ20260924-0001" 0 ["RQ20260924-0001",{"value":"draft","title":"Draft"},"Anvil","=1+1",null,"10",null,null]
    "RQ20260924-0001" 1 ["RQ20260924-0001",{"value":"draft","title":"Draft"},"Anvil","ink, \"black\"",null,"10",null,null]
    more: false count: null
    "#);
}

#[tokio::test]
async fn what_is_hidden_stays_hidden() {
    let api = Api::filled().await;
    insta::assert_snapshot!(api.rows("ann", "/v1/views/costs?lang=zh").await, @r#"
    "RQ20260924-0004" 0 ["RQ20260924-0004",{"value":"review","title":"待批"},"Anvil","纸",null,"40","2026-09-24T01:04:00Z","ann"]
    "RQ20260924-0002" 0 ["RQ20260924-0002",{"value":"draft","title":"草稿"},"Anvil","paper",null,"14",null,null]
    "RQ20260924-0001" 0 ["RQ20260924-0001",{"value":"draft","title":"草稿"},"Anvil","=1+1",null,"10",null,null]
    "RQ20260924-0001" 1 ["RQ20260924-0001",{"value":"draft","title":"草稿"},"Anvil","ink, \"black\"",null,"10",null,null]
    more: false count: null
    "#);
    insta::assert_snapshot!(api.rows("ann", "/v1/views/queue?sort=-secret").await, @r#"403 forbidden: "`secret` is hidden from you, so nothing is sorted by it; choose other columns with `sort`""#);
    insta::assert_snapshot!(api.rows("aud", "/v1/views/queue").await, @r#"403 forbidden: "this needs a role of the workflow `request`""#);
    let listed = api.get("ann", "/v1/views").await.json();
    let hidden = listed["data"].as_array().unwrap().iter().flat_map(|view| view["columns"].as_array().unwrap());
    let hidden: Vec<_> = hidden.filter(|column| column["hidden"] == true).map(|column| &column["column"]).collect();
    assert_eq!(hidden, ["line.cost", "secret"]);
}

#[tokio::test]
async fn rows_are_sorted_and_given_a_page_at_a_time() {
    let api = Api::filled().await;
    insta::assert_snapshot!(api.rows("bob", "/v1/views/queue?limit=2").await, @r#"
    "RQ20260924-0003" null ["RQ20260924-0003","30",null,null,"2026-09-24T01:03:00Z"]
    "RQ20260924-0005" null ["RQ20260924-0005","30",null,null,"2026-09-24T01:05:00Z"]
    more: true count: 3
    "#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/queue?limit=2&offset=2").await, @r#"
    "RQ20260924-0004" null ["RQ20260924-0004","20",null,null,"2026-09-24T01:04:00Z"]
    more: false count: 3
    "#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/queue?sort=amount,-number&lang=zh").await, @r#"
    "RQ20260924-0004" null ["RQ20260924-0004","20",null,null,"2026-09-24T01:04:00Z"]
    "RQ20260924-0005" null ["RQ20260924-0005","30",null,null,"2026-09-24T01:05:00Z"]
    "RQ20260924-0003" null ["RQ20260924-0003","30",null,null,"2026-09-24T01:03:00Z"]
    more: false count: 3
    "#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/queue?sort=amont").await, @r#"
    400 bad_parameter: "the parameter `sort` names no column `amont`; did you mean `amount`?"
    - bad_parameter  the parameter `sort` names no column `amont`; did you mean `amount`?
    "#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/queue?cursor=x").await, @r#"400 bad_cursor: "a cursor goes with the query that gave it; begin again with the first page""#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/costs?offset=1").await, @r#"
    400 bad_parameter: "the parameter `offset` goes with what is sorted; use `cursor`"
    - bad_parameter  the parameter `offset` goes with what is sorted; use `cursor`
    "#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/nothing").await, @r#"404 not_found: "there is no view `nothing`""#);
    let mut path = "/v1/views/costs?limit=1".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = api.get("bob", &path).await.json();
        pages.push(page["data"].as_array().unwrap().len());
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/views/costs?limit=1&cursor={next}");
    }
    assert_eq!(pages.iter().sum::<usize>(), 4, "{pages:?}");
}

#[tokio::test]
async fn a_view_is_a_file_for_spreadsheets() {
    let api = Api::filled().await;
    let csv = api.get("bob", "/v1/views/costs.csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"costs.csv\""));
    assert!(csv.text.starts_with('\u{feff}') && csv.text.ends_with("\r\n"));
    insta::assert_snapshot!(csv.text.trim_start_matches('\u{feff}').replace("\r\n", "\n"), @r#"
    Number,Stage,name,what,cost,Double,Review at,Review by
    RQ20260924-0004,Review,Anvil,纸,,40,2026-09-24 01:04:00,ann
    RQ20260924-0002,Draft,Anvil,paper,2.50,14,,
    RQ20260924-0001,Draft,Anvil,'=1+1,,10,,
    RQ20260924-0001,Draft,Anvil,"ink, ""black""",,10,,
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/views/queue.csv?lang=zh").await.text.replace("\r\n", "\n"), @"
    ﻿编号,金额,reason,secret,登记时间
    RQ20260924-0003,30,,,2026-09-24 01:03:00
    RQ20260924-0005,30,,,2026-09-24 01:05:00
    RQ20260924-0004,20,,,2026-09-24 01:04:00
    ");
    let (headers, bytes) = api.bytes("bob", "/v1/views/queue.xlsx?lang=zh").await;
    assert_eq!(headers["content-disposition"], "attachment; filename=\"queue.xlsx\"");
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    assert_eq!(book.sheet_names(), ["待批清单"]);
    let sheet = book.worksheet_range("待批清单").unwrap();
    let rows: Vec<Vec<&Data>> = sheet.rows().map(|row| row.iter().collect()).collect();
    insta::assert_snapshot!(rows.iter().map(|row| format!("{row:?}\n")).collect::<String>(), @r#"
    [String("编号"), String("金额"), String("reason"), String("secret"), String("登记时间")]
    [String("RQ20260924-0003"), Float(30.0), Empty, Empty, DateTime(ExcelDateTime { value: 46289.04375, datetime_type: DateTime, is_1904: false })]
    [String("RQ20260924-0005"), Float(30.0), Empty, Empty, DateTime(ExcelDateTime { value: 46289.04513888889, datetime_type: DateTime, is_1904: false })]
    [String("RQ20260924-0004"), Float(20.0), Empty, Empty, DateTime(ExcelDateTime { value: 46289.044444444444, datetime_type: DateTime, is_1904: false })]
    "#);
}
