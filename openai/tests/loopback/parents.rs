//! Whose child a call is.

use crate::support::server::Server;
use crate::support::{block_on, client, plain_client, question};
use futures_util::StreamExt as _;
use heirloom_core::future::FutureExt as _;
use heirloom_core::{testing, Context};
use heirloom_openai::TracedCalls as _;
use heirloom_pool::prelude::*;
use rayon::prelude::*;
use std::sync::Arc;

#[test]
fn a_plain_clients_group_is_traced_below_what_it_is_given() {
    let server = Server::start();
    testing::run(|t| {
        let plain = plain_client(&server);
        let (one, two) = (t.tracer().root("one"), t.tracer().root("two"));
        let scope = one.enter();
        block_on(plain.chat().traced(&two).create(question("m-small"))).unwrap();
        drop(scope);
        drop((one, two));
        t.assert_tree("one\ntwo\n  chat m-small");
    });
}

#[test]
fn the_current_context_counts_when_the_call_is_first_polled() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server);
        let (made, polled) = (t.tracer().root("made"), t.tracer().root("polled"));
        let chat = client.chat();
        let scope = made.enter();
        let call = chat.create(question("m-small"));
        drop(scope);
        block_on(call.in_context(&polled)).unwrap();
        drop((made, polled));
        t.assert_tree("made\npolled\n  chat m-small");
    });
}

#[test]
fn a_client_can_be_given_one_parent_for_all_calls() {
    let server = Server::start();
    testing::run(|t| {
        let root = t.tracer().root("batch");
        let client = client(&server).traced(&root);
        let call = std::thread::spawn(move || block_on(client.chat().create(question("m-small"))).is_ok());
        assert!(call.join().unwrap());
        root.end();
        t.assert_tree("batch\n  chat m-small");
    });
}

/// Each of many spans has the one call that was made in it.
fn assert_one_call_each(t: &testing::Testing, name: &str, count: usize) {
    let spans = t.spans();
    let parents: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(parents.len(), count);
    for parent in parents {
        let number = parent.attribute("number").map(ToString::to_string).unwrap_or_default();
        let calls: Vec<_> = spans.iter().filter(|span| span.parent_span_id == Some(parent.span_id)).collect();
        let names: Vec<&str> = calls.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, [format!("chat m-{number}")]);
    }
    t.assert_complete();
}

#[test]
fn calls_from_rayon_have_the_item_they_were_made_for_as_parent() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        t.tracer().in_root("batch", |root| {
            (0..40_u32).into_par_iter().traced(root).for_each("file", |span, n| {
                span.set("number", n);
                runtime.block_on(client.chat().create(question(&format!("m-{n}")))).unwrap();
            });
        });
        assert_one_call_each(t, "file", 40);
    });
}

#[test]
fn calls_from_tokio_tasks_have_their_task_as_parent() {
    let server = Server::start();
    testing::run(|t| {
        let client = Arc::new(client(&server));
        let root = t.tracer().root("batch");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..40_u32)
                .map(|n| {
                    let span = root.build("task").start();
                    span.set("number", n);
                    let client = Arc::clone(&client);
                    let call = async move {
                        let mut stream = client.chat().create_stream(question(&format!("m-{n}"))).await.unwrap();
                        while stream.next().await.is_some() {
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::spawn(call.in_span(span))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        root.end();
        assert_one_call_each(t, "task", 40);
    });
}

#[test]
fn a_stream_can_be_finished_on_another_task() {
    let server = Server::start();
    testing::run(|t| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let root = t.tracer().root("turn");
        runtime.block_on(async {
            let client = client(&server);
            let stream = client.chat().create_stream(question("m-small")).in_context(&root).await.unwrap();
            let rest = tokio::spawn(async move {
                assert!(!Context::current().is_sampled(), "no span of the other task is current here");
                stream.count().await
            });
            assert_eq!(rest.await.unwrap(), 4);
        });
        root.end();
        t.assert_tree("turn\n  chat m-small");
        t.assert_complete();
    });
}
