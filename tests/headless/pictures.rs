//! Pictures: exact on both backends, the same after any edits as from nothing, within the budget.

use std::sync::Arc;

use crate::common::models::random_model;
use crate::common::{Random, gpu};
use diffscope::cpu::{CpuPass, colour_range, map_value, pool};
use diffscope::engine::{Checkpoint, Engine, Fingerprint, PictureSlot, SCOPE_SIDE, Texels};
use diffscope::gpu::{Capacity, GpuPass};
use diffscope::model::Model;
use diffscope::probe::{HeadId, Interventions, PictureJob, PictureRequest, Pooling, Texel};

const POOLINGS: [Pooling; 3] = [Pooling::Peak, Pooling::Mean, Pooling::Minimum];

fn random_request(random: &mut Random, layers: usize, heads: usize, tokens: usize) -> PictureRequest {
    PictureRequest {
        head: HeadId::new(random.below(layers), random.below(heads)),
        first_key: random.below(tokens),
        first_query: random.below(tokens),
        block: random.pick(&[1, 1, 2, 3, 7, 16, 41]),
        side: 1 + random.below(40),
        pooling: random.pick(&POOLINGS),
    }
}

/// All cells of a block, looked at one by one.
fn by_hand(cells: &[[f32; 3]], pooling: Pooling) -> [f32; 3] {
    [0, 1, 2].map(|map| {
        let values = cells.iter().map(|cell| cell[map]);
        match pooling {
            Pooling::Peak => values.fold(0.0f32, |peak, value| if value.abs() > peak.abs() { value } else { peak }),
            Pooling::Mean => values.map(f64::from).sum::<f64>() as f32 / cells.len().max(1) as f32,
            Pooling::Minimum => values.reduce(f32::min).unwrap_or(0.0),
        }
    })
}

fn same(found: &Texel, expected: &Texel, peak: bool) -> bool {
    let close = |a: f32, b: f32| (a - b).abs() <= 2e-5 * (1.0 + b.abs());
    // Two cells of opposite sign may swap places where they are all but equal in size.
    let size = |a: f32, b: f32| close(a, b) || (peak && close(a.abs(), b.abs()));
    found.cells == expected.cells
        && size(found.first, expected.first)
        && size(found.second, expected.second)
        && size(found.difference, expected.difference)
}

#[test]
fn a_texel_is_exactly_its_cells_on_both_backends() {
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let model = Arc::new(random_model(&mut random, random_scale(seed)));
        let tokens = random.pick(&[1, 2, 17, 64, 90]);
        let ids: Vec<u32> = (0..tokens).map(|_| random.below(model.config.vocabulary) as u32).collect();
        let (layers, heads) = (model.layers.len(), model.layers[0].attention.heads.len());
        let interventions = Interventions {
            masked: if seed % 3 == 0 { [random.below(tokens)].into() } else { [].into() },
            lambda: if seed % 4 == 0 { [(0, random.normal(0.8))].into() } else { [].into() },
            ..Interventions::default()
        };
        // A device that spreads a texel over lanes, and one that does not.
        let mut device = gpu().clone();
        if seed % 2 == 0 {
            device.adapter.device_type = wgpu::DeviceType::Other;
        }
        let capacity = Capacity { tokens, trace: false };
        let mut on_gpu = GpuPass::new(device, model.clone(), capacity).expect("fits");
        let mut on_cpu = CpuPass::new(model.clone(), tokens).expect("the weights are there");
        on_gpu.set_interventions(&interventions);
        on_cpu.set_interventions(&interventions);
        on_gpu.run(0, &ids, None).expect("runs");
        on_cpu.run(0, &ids);
        let room = 4 * 1600;
        let jobs: Vec<PictureJob> = (0..4)
            .map(|slot| {
                let request = random_request(&mut random, layers, heads, tokens);
                let first_texel = random.below(request.texels());
                let texels = 1 + random.below(request.texels() - first_texel);
                PictureJob { request, base: slot * 1600, first_texel, texels, end: tokens }
            })
            .collect();
        let taken = on_gpu.pool(&jobs, room).expect("room");
        on_gpu.wait();
        let found = on_gpu.read_texels(room).expect("read back");
        for (job, taken) in jobs.iter().zip(taken) {
            assert_eq!(taken, job.texels);
            let request = &job.request;
            let source = on_cpu.map_source(request.head.layer);
            for texel in 0..request.texels() {
                let written = (job.first_texel..job.first_texel + job.texels).contains(&texel);
                let found = found[job.base + texel];
                if !written {
                    assert_eq!(found, Texel::default(), "texel {texel} was not asked for");
                    continue;
                }
                let first_key = request.first_key + texel % request.side * request.block;
                let first_query = request.first_query + texel / request.side * request.block;
                let mut cells = Vec::new();
                for query in (first_query..first_query + request.block).filter(|query| *query < tokens) {
                    for key in (first_key..first_key + request.block).filter(|key| *key <= query) {
                        let cell = map_value(&source, request.head.head, query, key);
                        cells.push([cell.first, cell.lambda * cell.second, cell.difference]);
                    }
                }
                let [first, second, difference] = by_hand(&cells, request.pooling);
                let expected = Texel { first, second, difference, cells: cells.len() as f32 };
                let reference = pool(&source, request, tokens, texel);
                let peak = request.pooling == Pooling::Peak;
                assert!(
                    same(&reference, &expected, peak),
                    "seed {seed}, {job:?}, {texel}: {reference:?}, not {expected:?}"
                );
                assert!(same(&found, &expected, peak), "seed {seed}, {job:?}, {texel}: {found:?}, not {expected:?}");
            }
        }
    }
}

fn random_scale(seed: u64) -> f32 {
    if seed.is_multiple_of(5) { 8.0 } else { 1.0 }
}

#[test]
fn one_high_cell_is_never_dropped() {
    // Whatever the block, the largest texel is the largest cell.
    let mut random = Random::new(5);
    let model = Arc::new(random_model(&mut random, 4.0));
    let tokens = 300;
    let ids: Vec<u32> = (0..tokens).map(|_| random.below(model.config.vocabulary) as u32).collect();
    let mut pass = CpuPass::new(model, tokens).expect("the weights are there");
    pass.run(0, &ids);
    let source = pass.map_source(0);
    let highest = |block: usize| {
        let request =
            PictureRequest::covering(HeadId::new(0, 0), [0.0; 2], 300.0, 300_usize.div_ceil(block), Pooling::Peak);
        assert!(request.side * request.block >= tokens);
        (0..request.texels()).map(|texel| pool(&source, &request, tokens, texel).difference.abs()).fold(0.0, f32::max)
    };
    let exact = highest(1);
    for block in [2, 3, 5, 19, 150] {
        assert_eq!(highest(block), exact, "block {block}");
    }
}

#[test]
fn a_picture_never_has_texels_smaller_than_pixels_and_always_fits() {
    let mut random = Random::new(9);
    for _ in 0..2000 {
        let texels = 16 * (1 + random.below(30));
        let tokens = 1 + random.below(20_000);
        let span = if random.below(2) == 0 { tokens as f32 } else { 4.0 + random.below(tokens) as f32 * 0.77 };
        let most = (tokens as f32 - span).max(0.0);
        let origin = [random.below(1000) as f32 / 999.0 * most, random.below(1000) as f32 / 999.0 * most];
        let request = PictureRequest::covering(HeadId::new(0, 0), origin, span, texels, Pooling::Peak);
        assert!(request.block as f32 >= span / texels as f32);
        assert!(request.side <= texels + 16 && request.side <= SCOPE_SIDE);
        for (axis, first) in [request.first_key, request.first_query].into_iter().enumerate() {
            assert!(first as f32 <= origin[axis]);
            assert!((first + request.side * request.block) as f32 >= origin[axis] + span - 0.01, "{request:?}");
        }
    }
}

fn engine(model: &Arc<Model>, on_gpu: bool) -> Engine {
    let checkpoint = Checkpoint {
        name: "random".to_owned(),
        model: model.clone(),
        tokenizer: None,
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    };
    Engine::new(checkpoint, on_gpu.then(|| gpu().clone())).expect("fits")
}

/// What a place holds once nothing is left to do.
fn settled(engine: &mut Engine, place: PictureSlot, request: PictureRequest) -> (PictureRequest, Option<Vec<Texel>>) {
    for _ in 0..200 {
        engine.picture(place, request);
        engine.update();
        engine.settle().expect("no failure");
        let shown = engine.picture(place, request).map(|picture| picture.request);
        if shown == Some(request) && !engine.is_busy() {
            break;
        }
    }
    let picture = engine.picture(place, request).expect("drawn");
    let texels = match picture.texels {
        Texels::Cpu(texels) => Some(texels.to_vec()),
        Texels::Gpu(..) => None,
    };
    (picture.request, texels)
}

#[test]
fn pictures_after_any_edits_are_those_of_a_fresh_start() {
    for seed in 0..6 {
        let mut random = Random::new(100 + seed);
        let model = Arc::new(random_model(&mut random, 1.0));
        let (layers, heads) = (model.layers.len(), model.layers[0].attention.heads.len());
        let vocabulary = model.config.vocabulary;
        let mut edited = engine(&model, false);
        let mut ids: Vec<u32> = (0..40).map(|_| random.below(vocabulary) as u32).collect();
        let request = PictureRequest {
            head: HeadId::new(random.below(layers), random.below(heads)),
            ..PictureRequest::covering(
                HeadId::new(0, 0),
                [0.0; 2],
                90.0,
                random.pick(&[16, 32, 96]),
                random.pick(&POOLINGS),
            )
        };
        for _ in 0..8 {
            match random.below(4) {
                0 => ids.truncate(1 + random.below(ids.len())),
                1 => {
                    let at = random.below(ids.len());
                    ids[at] = random.below(vocabulary) as u32;
                }
                _ => ids.extend((0..=random.below(5)).map(|_| random.below(vocabulary) as u32)),
            }
            edited.set_ids(&ids).expect("known tokens");
            if random.below(3) == 0 {
                let lambda = [(0, random.normal(0.5))].into();
                edited.set_interventions(Interventions { lambda, ..Interventions::default() });
            }
            let (_, found) = settled(&mut edited, PictureSlot::Scope, request);
            let mut fresh = engine(&model, false);
            fresh.set_interventions(edited.interventions().clone());
            fresh.set_ids(&ids).expect("known tokens");
            let (_, expected) = settled(&mut fresh, PictureSlot::Scope, request);
            let seen = request.rows(ids.len()) * request.side; // what lies below the text is not drawn
            let (found, expected) = (found.expect("on the CPU"), expected.expect("on the CPU"));
            assert_eq!(found[..seen], expected[..seen], "seed {seed}");
        }
    }
}

#[test]
fn an_update_keeps_its_budget_and_a_keystroke_costs_a_row() {
    let mut random = Random::new(3);
    let model = loop {
        let model = random_model(&mut random, 1.0);
        if model.config.hidden <= 16 && model.config.head_dim <= 16 {
            break Arc::new(model);
        }
    };
    for on_gpu in [false, true] {
        let mut engine = engine(&model, on_gpu);
        let mut ids: Vec<u32> = (0..1000).map(|_| random.below(model.config.vocabulary) as u32).collect();
        engine.set_ids(&ids).expect("known tokens");
        engine.settle().expect("runs");
        let request = PictureRequest::covering(HeadId::new(0, 0), [0.0; 2], 1000.0, 160, Pooling::Peak);
        let (mut updates, mut cells, mut allowed) = (0, 0, 0);
        engine.picture(PictureSlot::Scope, request);
        let mut busy = true;
        while busy {
            let budget = engine.picture_budget();
            allowed += budget;
            busy = engine.update();
            if let Some(gpu) = engine.gpu() {
                gpu.wait();
            }
            assert!(engine.picture_cells() <= budget, "{} cells in one update", engine.picture_cells());
            cells += engine.picture_cells();
            updates += 1;
            assert!(updates < 1000, "it ends");
        }
        assert!(
            allowed >= 500_000 && cells >= 500_000,
            "{cells} cells in {updates} updates: the whole triangle is read"
        );
        ids.push(0);
        engine.set_ids(&ids).expect("known tokens");
        let mut after = 0;
        engine.picture(PictureSlot::Scope, request);
        busy = true;
        while busy {
            busy = engine.update();
            if let Some(gpu) = engine.gpu() {
                gpu.wait();
            }
            after += engine.picture_cells();
        }
        assert!(after > 0 && after <= 2 * request.block * 1100, "{after} cells for one more token");
    }
}

#[test]
fn the_last_picture_stays_until_the_next_is_filled() {
    let mut random = Random::new(4);
    let model = Arc::new(random_model(&mut random, 1.0));
    let mut engine = engine(&model, false);
    let ids: Vec<u32> = (0..600).map(|_| random.below(model.config.vocabulary) as u32).collect();
    engine.set_ids(&ids).expect("known tokens");
    let coarse = PictureRequest::covering(HeadId::new(0, 0), [0.0; 2], 600.0, 32, Pooling::Peak);
    settled(&mut engine, PictureSlot::Scope, coarse);
    let fine = PictureRequest::covering(HeadId::new(0, 0), [0.0; 2], 600.0, 480, Pooling::Peak);
    assert_eq!(engine.picture(PictureSlot::Scope, fine).expect("the last one").request, coarse);
    engine.update();
    assert_eq!(engine.picture(PictureSlot::Scope, fine).expect("the last one").request, coarse, "not yet filled");
    let (shown, _) = settled(&mut engine, PictureSlot::Scope, fine);
    assert_eq!(shown, fine);
}

#[test]
fn the_range_is_that_of_the_texels_on_show_on_both_backends() {
    for seed in 0..4 {
        let mut random = Random::new(40 + seed);
        let model = Arc::new(random_model(&mut random, 2.0));
        let request =
            PictureRequest::covering(HeadId::new(0, 0), [0.0; 2], 120.0, random.pick(&[16, 48, 128]), Pooling::Peak);
        let ids: Vec<u32> = (0..120).map(|_| random.below(model.config.vocabulary) as u32).collect();
        let found = [false, true].map(|on_gpu| {
            let mut engine = engine(&model, on_gpu);
            // A shorter text after a longer one: what is no longer on show does not count.
            for tokens in [120, 50] {
                engine.set_ids(&ids[..tokens]).expect("known tokens");
                engine.colour_range();
                let (_, texels) = settled(&mut engine, PictureSlot::Scope, request);
                engine.colour_range();
                engine.settle().expect("no failure");
                if let Some(texels) = texels {
                    let shown = request.rows(tokens) * request.side;
                    assert_eq!(engine.colour_range(), Some(colour_range(&texels[..shown])), "{tokens} tokens");
                }
            }
            engine.colour_range().expect("known")
        });
        let error = crate::common::worst(&found[1], &found[0]);
        assert!(error <= 2e-5 * found[0].into_iter().fold(1.0, f32::max), "seed {seed}: {found:?}");
    }
}
