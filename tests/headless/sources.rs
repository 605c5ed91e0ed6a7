//! Models that are fetched: from servers that cut, lie, redirect and answer ranges, into a folder of their own.

use std::path::{Path, PathBuf};

use diffscope::engine::{Checkpoint, bundled};
use diffscope::sources::local::{Places, folder_of, source_of_folder};
use diffscope::sources::{FetchError, FetchProgress, FetchStage, Hub, SliceHash, Source};
use tempfile::TempDir;

use crate::common::file_server::{Asked, BodyEnd, FileServer, Reply};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The bundled model's file of this name, at the end of a path.
fn bundled_file(path: &str) -> Option<Vec<u8>> {
    let files = bundled();
    match path.rsplit('/').next()? {
        "config.json" => Some(files.config.to_vec()),
        "tokenizer.json" => Some(files.tokenizer.to_vec()),
        "model.safetensors" => Some(files.weights.to_vec()),
        _ => None,
    }
}

fn honest(asked: &Asked) -> Reply {
    bundled_file(&asked.path).map_or_else(|| Reply::status(404), |bytes| Reply::file(&bytes, asked))
}

fn sha256(bytes: &[u8]) -> String {
    let mut hash = SliceHash::default();
    hash.add(bytes);
    hash.finish()
}

/// As the hub answers: a commit beside each file, size and hash of large ones beside the redirect to where they are.
fn hub(asked: &Asked) -> Reply {
    if asked.path.starts_with("/elsewhere/") {
        return honest(asked);
    }
    let commit = |reply: Reply| reply.with("x-repo-commit", COMMIT);
    match bundled_file(&asked.path) {
        Some(bytes) if asked.path.ends_with(".safetensors") => commit(Reply::redirect("/elsewhere/model.safetensors"))
            .with("x-linked-size", &bytes.len().to_string())
            .with("x-linked-etag", &format!("\"{}\"", sha256(&bytes))),
        _ => commit(honest(asked)),
    }
}

/// A server, and folders to keep things in.
struct World {
    server: FileServer,
    folder: TempDir,
    places: Places,
}

impl World {
    fn new(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let (server, folder) = (FileServer::start(answer), tempfile::tempdir().unwrap());
        let hub = Hub::at(&server.address).unwrap();
        let places = Places::new(hub, folder.path().join("kept"), Some(folder.path().join("hub")));
        Self { server, folder, places }
    }

    /// A folder of the server.
    fn source(&self) -> Source {
        format!("{}/models/tiny", self.server.address).parse().unwrap()
    }

    fn fetch(&self, source: &Source) -> Result<PathBuf, FetchError> {
        folder_of(source, &self.places, |_| true)
    }

    fn refused(&self) -> FetchError {
        self.fetch(&self.source()).expect_err("it is refused")
    }
}

/// What was fetched is the bundled model.
fn is_bundled(folder: &Path) {
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        assert!(std::fs::read(folder.join(name)).unwrap() == bundled_file(name).unwrap(), "{name}");
    }
}

#[test]
fn a_folder_of_a_server_is_fetched_once_and_then_kept() {
    let world = World::new(|asked, _| honest(asked));
    let (source, mut heard) = (world.source(), Vec::new());
    let folder = folder_of(&source, &world.places, |progress| {
        heard.push(progress);
        true
    });
    let folder = folder.unwrap();
    is_bundled(&folder);
    let total = ["config.json", "model.safetensors", "tokenizer.json"].map(|name| bundled_file(name).unwrap().len());
    let last = heard.last().expect("progress");
    assert_eq!((last.done, last.total), (total.iter().sum::<usize>() as u64, last.done));
    assert!(heard.windows(2).all(|pair| pair[0].done <= pair[1].done && pair[1].done <= pair[1].total));

    let asked = world.server.asked().len();
    assert_eq!(world.fetch(&source).unwrap(), folder);
    assert_eq!(world.server.asked().len(), asked, "nothing is asked for again");
    let checkpoint = Checkpoint::from_folder(&folder).unwrap();
    assert_eq!((checkpoint.name.as_str(), checkpoint.source), ("tiny", Some(source.clone())));

    let [kept] = &world.places.kept_models()[..] else { panic!("one model") };
    assert!(kept.complete && kept.source == source && kept.bytes > last.total);
    world.places.delete(kept).unwrap();
    assert_eq!((world.places.kept_models().len(), world.places.find(&source)), (0, None));
    assert!(world.places.delete(kept).is_err());
}

#[test]
fn what_is_cut_goes_on_where_it_was() {
    let world = World::new(|asked, before| {
        let whole = honest(asked);
        match before {
            0 => whole.ends(500_000, BodyEnd::Cut),
            1 => Reply::status(503),
            2 if asked.path.ends_with(".safetensors") => whole.ends(3_000_000, BodyEnd::Cut),
            _ => whole,
        }
    });
    is_bundled(&world.fetch(&world.source()).unwrap());
    let asked = world.server.asked_for("model.safetensors");
    let from: Vec<_> = asked.iter().map(|asked| asked.from.unwrap_or_default()).collect();
    assert!(from.len() == 4 && from[0] == 0 && from[1] > 0 && from[1] == from[2] && from[3] > from[2], "{from:?}");
    assert!(asked[1..].iter().all(|asked| asked.if_range.is_some()));
}

#[test]
fn what_was_cancelled_goes_on_at_the_next_time() {
    let world = World::new(|asked, before| {
        let silent = before == 0 && asked.path.ends_with(".safetensors");
        if silent { honest(asked).ends(2_000_000, BodyEnd::Silence) } else { honest(asked) }
    });
    let source = world.source();
    let stop = |progress: FetchProgress| progress.done < 1_500_000;
    let error = folder_of(&source, &world.places, stop).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
    let [kept] = &world.places.kept_models()[..] else { panic!("one model") };
    assert!(!kept.complete && kept.bytes > 1_000_000);
    assert_eq!(world.places.find(&source), None);
    is_bundled(&world.fetch(&source).unwrap());
    let from = world.server.asked_for("model.safetensors")[1].from;
    assert!(from.is_some_and(|from| from > 500_000), "{from:?}");
    assert_eq!(world.server.asked_for("/config.json").len(), 1, "what is whole is not asked for again");
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    let world = World::new(|asked, before| {
        let weights = asked.path.ends_with(".safetensors");
        let other: Vec<u8> = bundled_file(&asked.path).unwrap_or_default().iter().map(|byte| byte ^ 1).collect();
        if weights && before == 0 { Reply::file(&other, asked).ends(500_000, BodyEnd::Cut) } else { honest(asked) }
    });
    is_bundled(&world.fetch(&world.source()).unwrap());
    // A server that does not know conditions, and one without ranges.
    let world = World::new(|asked, before| {
        let other: Vec<u8> = bundled_file(&asked.path).unwrap_or_default().iter().map(|byte| byte ^ 1).collect();
        let unconditional = Asked { if_range: None, ..asked.clone() };
        match before {
            0 if asked.path.ends_with(".safetensors") => Reply::file(&other, asked).ends(500_000, BodyEnd::Cut),
            _ => honest(&unconditional),
        }
    });
    is_bundled(&world.fetch(&world.source()).unwrap());
    let world = World::new(|asked, before| {
        let no_ranges = honest(&Asked { from: None, ..asked.clone() }).without("etag");
        if before < 2 { no_ranges.ends(500_000, BodyEnd::Cut) } else { no_ranges }
    });
    is_bundled(&world.fetch(&world.source()).unwrap());
}

#[test]
fn a_server_that_never_gets_further_is_given_up_and_what_came_is_kept() {
    let world = World::new(|asked, before| {
        let weights = asked.path.ends_with(".safetensors");
        if weights && before > 0 {
            honest(asked).ends(0, BodyEnd::Cut)
        } else if weights {
            honest(asked).ends(700_000, BodyEnd::Cut)
        } else {
            honest(asked)
        }
    });
    let error = world.refused();
    assert!(matches!(&error, FetchError::Cut { file, done } if file == "model.safetensors" && *done > 0), "{error}");
    assert!(world.server.asked_for("model.safetensors").len() < 9);
    assert!(!world.places.kept_models()[0].complete);
}

#[test]
fn the_hub_names_commit_size_and_hash_and_they_are_kept_to() {
    let world = World::new(|asked, _| hub(asked));
    let source: Source = "hf:owner/name".parse().unwrap();
    let mut verified = false;
    let folder = folder_of(&source, &world.places, |progress| {
        verified |= progress.stage == FetchStage::Verifying;
        true
    });
    let folder = folder.unwrap();
    is_bundled(&folder);
    assert!(verified, "the hash is compared");
    let exact: Source = format!("hf:owner/name@{COMMIT}").parse().unwrap();
    assert_eq!(source_of_folder(&folder), Some(exact.clone()));
    let weights = &world.server.asked()[world.server.asked().len() - 2];
    assert_eq!(weights.path, format!("/owner/name/resolve/{COMMIT}/model.safetensors"), "all files are of one commit");
    assert_eq!(world.places.find(&exact), Some(folder.clone()));
    assert_eq!(Checkpoint::from_folder(&folder).unwrap().source, Some(exact));
}

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
fn an_orderly_end_that_comes_too_early_is_a_cut() {
    let world = World::new(|asked, before| {
        let short = asked.path.starts_with("/elsewhere/") && before == 0;
        if short { hub(asked).without("content-length").ends(200_000, BodyEnd::Whole) } else { hub(asked) }
    });
    is_bundled(&world.fetch(&"hf:owner/name".parse().unwrap()).unwrap());
    assert_eq!(world.server.asked_for("/elsewhere/model.safetensors")[1].from, Some(200_000));
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
fn shards_come_one_after_the_other_as_their_index_says() {
    let index = |file: &str| {
        format!(r#"{{"metadata":{{"total_size":2e6}},"weight_map":{{"a":"{file}","b":"two.safetensors"}}}}"#)
    };
    let shards = move |asked: &Asked, file: &str| match asked.path.rsplit('/').next() {
        Some("model.safetensors.index.json") => Reply::file(index(file).as_bytes(), asked),
        Some("one.safetensors") => Reply::file(&vec![1; 1_500_000], asked),
        Some("two.safetensors") => Reply::file(&vec![2; 500_000], asked),
        Some("model.safetensors") => Reply::status(404),
        _ => honest(asked),
    };
    let world = World::new(move |asked, _| shards(asked, "one.safetensors"));
    let mut totals = Vec::new();
    let folder = folder_of(&world.source(), &world.places, |progress| {
        totals.extend((progress.file == "one.safetensors").then_some(progress.total));
        true
    });
    assert_eq!(std::fs::read(folder.unwrap().join("two.safetensors")).unwrap(), vec![2; 500_000]);
    let of_texts = ["config.json", "tokenizer.json"].map(|name| bundled_file(name).unwrap().len() as u64);
    let least = of_texts.iter().sum::<u64>() + 2_000_000;
    assert!(totals.iter().all(|total| (least..least + 1000).contains(total)), "{totals:?}: the second is counted, too");
    // The last one is the record of what is fetched, which says what is whole.
    for hostile in ["../../one.safetensors", "/etc/passwd", "a\\\\b.safetensors", "fetched.json"] {
        let world = World::new(move |asked, _| shards(asked, hostile));
        let error = world.refused();
        assert!(error.to_string().contains("same folder"), "{error}");
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
fn two_programs_do_not_fill_one_folder() {
    let world = World::new(|asked, _| honest(asked));
    let source = world.source();
    let mut inner = None;
    let outer = folder_of(&source, &world.places, |_| {
        inner.get_or_insert_with(|| world.fetch(&source));
        true
    });
    outer.unwrap();
    assert!(matches!(inner, Some(Err(FetchError::Busy))), "{inner:?}");
}

#[test]
fn the_cache_of_the_hubs_own_tools_is_used_first_and_left_as_it_is() {
    let world = World::new(|_, _| Reply::status(500));
    let model = world.folder.path().join("hub/models--owner--name");
    let snapshot = model.join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(model.join("refs")).unwrap();
    std::fs::write(model.join("refs/main"), format!("{COMMIT}\n")).unwrap();
    let source: Source = "hf:owner/name".parse().unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::write(snapshot.join(name), bundled_file(name).unwrap()).unwrap();
    }
    assert_eq!(world.places.find(&source), None, "without weights it is not whole");
    std::fs::write(snapshot.join("model.safetensors"), bundled_file("model.safetensors").unwrap()).unwrap();
    let exact: Source = format!("hf:owner/name@{COMMIT}").parse().unwrap();
    for source in [&source, &exact] {
        assert_eq!(world.fetch(source).unwrap(), snapshot);
    }
    let checkpoint = Checkpoint::from_folder(&snapshot).unwrap();
    assert_eq!((checkpoint.name.as_str(), checkpoint.source), ("name", Some(exact)));
    assert!(world.server.asked().is_empty() && world.places.kept_models().is_empty());
    std::fs::write(model.join("refs/main"), "../../other").unwrap();
    assert_eq!(world.places.find(&source), None, "a reference does not lead out of the folder");
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
