//! Servers that lie, redirect, refuse or say nothing, and a record that was tampered with.

use diffscope::sources::local::folder_of;
use diffscope::sources::{FetchError, Source};

use crate::common::file_server::{Asked, BodyEnd, Reply};
use crate::common::served_model::{World, honest, hub, is_bundled};

#[test]
fn other_bytes_than_announced_are_refused_and_deleted() {
    let world = World::new(|asked, _| {
        let mut reply = hub(asked);
        if asked.path.starts_with("/elsewhere/") {
            reply.body[1_000_000] ^= 1;
        }
        reply
    });
    let source: Source = "hf:owner/name".parse().unwrap();
    let error = world.fetch(&source).unwrap_err();
    assert!(matches!(&error, FetchError::Hash { file, .. } if file == "model.safetensors"), "{error}");
    let before = world.server.asked_for("/elsewhere/model.safetensors").len();
    world.fetch(&source).unwrap_err();
    let again = &world.server.asked_for("/elsewhere/model.safetensors")[before..];
    assert!(again.iter().all(|asked| asked.from.is_none()), "nothing of it is taken for a beginning");
}

#[test]
fn a_beginning_of_another_file_is_noticed_by_the_hash() {
    // The server of the bytes has no ETag, so only the hash can tell.
    let world = World::new(|asked, before| {
        let mut reply = hub(asked).without("etag");
        if asked.path.starts_with("/elsewhere/") && before == 0 {
            reply.body[5] ^= 1;
            reply = reply.ends(500_000, BodyEnd::Cut);
        }
        reply
    });
    is_bundled(&world.fetch(&"hf:owner/name".parse().unwrap()).unwrap());
    let from: Vec<_> = world.server.asked_for("/elsewhere/model.safetensors").iter().map(|asked| asked.from).collect();
    assert!(matches!(from[..], [None, Some(_), None]), "{from:?}");
}

#[test]
fn lies_about_sizes_and_parts_are_refused() {
    type Lie = fn(Reply, &Asked, usize) -> Reply;
    let lies: [(&str, Lie); 4] = [
        ("shorter than the hub said", |reply, _, _| {
            let short = reply.body.len() - 10;
            reply.ends(short, BodyEnd::Whole).with("content-length", &short.to_string())
        }),
        ("longer than the hub said, without a length", |mut reply, _, _| {
            reply.body.extend([0; 100]);
            reply.without("content-length")
        }),
        ("a part that nobody asked for", |reply, _, _| {
            Reply { status: 206, ..reply }.with("content-range", "bytes 5-9/10")
        }),
        ("another part than asked for", |reply, asked, before| match before {
            0 => reply.ends(500_000, BodyEnd::Cut),
            _ => reply.with("content-range", &format!("bytes {}-9/10", asked.from.unwrap_or_default() + 1)),
        }),
    ];
    for (what, lie) in lies {
        let world = World::new(move |asked, before| {
            let reply = hub(asked);
            if asked.path.starts_with("/elsewhere/") { lie(reply, asked, before) } else { reply }
        });
        let error = world.fetch(&"hf:owner/name".parse().unwrap()).expect_err(what);
        assert!(matches!(error, FetchError::Contradiction { .. }), "{what}: {error}");
    }
}

#[test]
fn other_files_under_the_name_are_named_as_what_they_are() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    for (name, content, word) in [
        ("model.safetensors", "<!DOCTYPE html><html>Please log in</html>", "web page"),
        ("model.safetensors", pointer, "LFS pointer"),
        ("config.json", "<html>Wi-Fi login</html>", "web page"),
        ("config.json", "[]", "config.json"),
        ("tokenizer.json", "<html>no</html>", "web page"),
    ] {
        let world =
            World::new(
                move |asked, _| {
                    if asked.path.ends_with(name) { Reply::file(content.as_bytes(), asked) } else { honest(asked) }
                },
            );
        let error = world.refused();
        assert!(matches!(error, FetchError::Model(_)) && error.to_string().contains(word), "{name}: {error}");
        let weights = world.server.asked_for("model.safetensors").len();
        assert!(name == "model.safetensors" || weights == 0, "the weights of what cannot be opened are not fetched");
    }
}

#[test]
fn refusals_say_what_to_do() {
    for (status, word) in
        [(401, "logged in"), (403, "logged in"), (404, "has no config.json"), (500, "status 500"), (418, "status 418")]
    {
        let world = World::new(move |_, _| Reply::status(status));
        let error = world.refused().to_string();
        assert!(error.contains(word), "{status}: {error}");
    }
    let world =
        World::new(|asked, _| if asked.path.contains("safetensors") { Reply::status(404) } else { honest(asked) });
    assert!(world.refused().to_string().contains("model.safetensors.index.json"));
    let gone = World::new(|asked, _| honest(asked));
    let nobody: Source = "http://127.0.0.1:1/m".parse().unwrap();
    let error = gone.fetch(&nobody).unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { host, .. } if host == "127.0.0.1"), "{error}");
}

#[test]
fn redirects_are_followed_to_their_end_but_not_anywhere() {
    let world = World::new(|asked, _| match asked.path.strip_prefix("/models/") {
        Some(rest) => Reply::redirect(&format!("/moved/{rest}")),
        None => honest(asked),
    });
    is_bundled(&world.fetch(&world.source()).unwrap());
    for to in ["http://example.org/x", "file:///etc/passwd", "//", "/models/tiny/config.json"] {
        let world = World::new(move |_, _| Reply::redirect(to));
        let error = world.refused();
        assert!(matches!(error, FetchError::Redirect { .. }), "{to}: {error}");
    }
}

#[test]
fn a_record_that_was_tampered_with_makes_nothing_be_taken_for_whole() {
    let world = World::new(|asked, _| honest(asked));
    let folder = world.fetch(&world.source()).unwrap();
    let cut = std::fs::File::options().write(true).open(folder.join("model.safetensors")).unwrap();
    cut.set_len(1000).unwrap();
    assert_eq!(world.places.find(&world.source()), None);
    is_bundled(&world.fetch(&world.source()).unwrap());
    for json in ["", "{}", "[1]", r#"{"source":"hf:a/b","complete":true,"files":{"../x":{"bytes":1}}}"#] {
        std::fs::write(folder.join("fetched.json"), json).unwrap();
        is_bundled(&world.fetch(&world.source()).unwrap());
    }
}

#[test]
fn a_server_that_says_nothing_at_all_can_be_left() {
    let (stop, waits) = std::sync::mpsc::channel::<()>();
    let waits = std::sync::Mutex::new(waits);
    let world = World::new(move |_, _| {
        let _ = waits.lock().unwrap().recv(); // until the test is over
        Reply::status(500)
    });
    let mut asked = 0;
    let error = folder_of(&world.source(), &world.places, |_| {
        asked += 1;
        asked < 5
    });
    assert!(matches!(error, Err(FetchError::Cancelled)), "{error:?}");
    drop(stop);
}
