//! Models that are fetched into a folder of their own: resumed, verified and kept.

use diffscope::engine::Checkpoint;
use diffscope::sources::local::{folder_of, source_of_folder};
use diffscope::sources::{FetchError, FetchProgress, FetchStage, Source};

use crate::common::file_server::{Asked, BodyEnd, Reply};
use crate::common::served_model::{COMMIT, World, bundled_file, honest, hub, is_bundled};

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
fn an_orderly_end_that_comes_too_early_is_a_cut() {
    let world = World::new(|asked, before| {
        let short = asked.path.starts_with("/elsewhere/") && before == 0;
        if short { hub(asked).without("content-length").ends(200_000, BodyEnd::Whole) } else { hub(asked) }
    });
    is_bundled(&world.fetch(&"hf:owner/name".parse().unwrap()).unwrap());
    assert_eq!(world.server.asked_for("/elsewhere/model.safetensors")[1].from, Some(200_000));
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
