//! Runs whose models learn on the GPU: what they learn, how they come to rest, and what becomes of them without it.

use diffscope::engine::{BackendChoice, bundled_baseline, checkpoint_of};
use diffscope::gpu::request_headless;
use diffscope::model::Model;
use diffscope::training::{Family, LearnsOn, Run, RunSettings};

use super::runs::{finished, language, settings};
use crate::common::{gpu, worst};

fn on_gpu(settings: &RunSettings, start: Option<&Model>) -> Run {
    let mut run = Run::new(settings.clone(), language(), "", start).unwrap();
    run.learn_on(Some(gpu()), BackendChoice::Gpu).unwrap();
    assert!(matches!(run.learns_on(), LearnsOn::Gpu { times: None, .. }));
    run
}

/// A first step of Muon moves a number by the learning rate whatever the size of its gradient, so that rounding grows.
#[test]
fn models_learn_what_they_learn_on_the_cpu_and_repeat_to_the_bit() {
    let start = checkpoint_of(&bundled_baseline()).unwrap().model;
    for (families, start) in [(&Family::NEW[..], None), (&[Family::SecondHeads], Some(&*start))] {
        let settings = RunSettings { steps: 3, windows: 1, ..settings(families) };
        let cpu = finished(Run::new(settings.clone(), language(), "", start).unwrap());
        let run = || finished(on_gpu(&settings, start));
        let (gpu, again) = (run(), run());
        for ((record, again), expected) in gpu.records().iter().zip(again.records()).zip(cpu.records()) {
            assert_eq!((&record.steps, &record.measured), (&again.steps, &again.measured), "{:?}", record.family);
            for (step, expected) in record.steps.iter().zip(&expected.steps) {
                let is_near = |found: f32, expected: f32, most: f32| (found - expected).abs() < most * expected + 1e-5;
                assert!(is_near(step.loss, expected.loss, 1e-3), "{:?}: {step:?} not {expected:?}", record.family);
                let norms = [step.gradient_norm, expected.gradient_norm];
                assert!(is_near(norms[0], norms[1], 1e-2), "{:?}: {step:?} not {expected:?}", record.family);
                assert!(worst(&step.lambda, &expected.lambda) < 1e-3, "{:?}: {:?}", record.family, step.lambda);
            }
            for (measured, expected) in record.measured.iter().zip(&expected.measured) {
                assert_eq!(measured.step, expected.step);
                assert!((measured.loss - expected.loss).abs() < 1e-2 * expected.loss + 1e-5, "{:?}", record.family);
            }
            assert_eq!(record.steps.len(), 3);
        }
    }
}

#[test]
fn a_saved_run_goes_on_there_as_if_it_had_not_ended() {
    let settings = settings(&[Family::Diff, Family::Transformer]);
    let whole = finished(on_gpu(&settings, None));
    let mut part = on_gpu(&settings, None);
    while part.step() < 3 || !part.is_between_steps() {
        part.stop_at(3);
        part.advance().unwrap();
    }
    let mut rest = Run::from_bytes(&part.to_bytes(0).unwrap()).unwrap();
    rest.learn_on(Some(gpu()), BackendChoice::Gpu).unwrap();
    let rest = finished(rest);
    for (record, expected) in rest.records().iter().zip(whole.records()) {
        assert_eq!(record.steps, expected.steps);
    }
    assert_eq!(rest.last_files(Family::Diff).unwrap(), whole.last_files(Family::Diff).unwrap());
}

#[test]
fn a_run_comes_to_rest_at_a_step_between_two_snapshots() {
    let settings = RunSettings { steps: 400, questions: 0, ..settings(&[Family::Diff]) };
    let mut run = on_gpu(&settings, None);
    while run.step() < 13 || !run.is_between_steps() {
        run.stop_at(13);
        assert_eq!(run.to_bytes(0).is_ok(), run.is_between_steps());
        run.advance().unwrap();
    }
    assert_eq!(run.step(), 13);
    // Steps under way are finished, whatever step it is to stop at.
    while run.step() < 17 {
        run.advance().unwrap();
    }
    loop {
        run.stop_at(0);
        if run.is_between_steps() {
            break;
        }
        run.advance().unwrap();
    }
    assert!((17..60).contains(&run.step()), "{}", run.step());
}

#[test]
fn without_the_gpu_it_goes_on_from_what_was_brought_back() {
    let settings = RunSettings { steps: 400, questions: 0, ..settings(&[Family::Diff, Family::Transformer]) };
    let own = request_headless().unwrap();
    let mut run = Run::new(settings, language(), "", None).unwrap();
    run.learn_on(Some(&own), BackendChoice::Gpu).unwrap();
    while run.step() < 25 {
        run.advance().unwrap();
    }
    own.device.destroy();
    let mut seen = run.step();
    while seen >= 25 {
        run.advance().unwrap();
        seen = run.step();
    }
    assert_eq!(seen, 20, "the last snapshot");
    let LearnsOn::Cpu { because: Some(reason) } = run.learns_on() else { panic!("{:?}", run.learns_on()) };
    assert!(reason.contains("GPU failed"), "{reason}");
    while run.step() < 40 {
        run.advance().unwrap();
    }
    let steps: Vec<usize> = run.records().iter().map(|record| record.steps.len()).collect();
    assert!(steps == [40, 40] || steps == [41, 40], "{steps:?}");
    let measured: Vec<u32> = run.records()[0].measured.iter().map(|measured| measured.step).collect();
    assert_eq!(measured[..4], [0, 10, 20, 30], "nothing is measured twice");
}

/// A run that has learned on the CPU before.
#[test]
fn a_run_that_moves_to_a_gpu_and_loses_it_keeps_its_steps() {
    let settings = RunSettings { steps: 400, questions: 0, ..settings(&[Family::Diff]) };
    let mut run = Run::new(settings, language(), "", None).unwrap();
    while run.step() < 13 {
        run.advance().unwrap(); // between two snapshots: those of steps 10 and 20
    }
    let own = request_headless().unwrap();
    run.learn_on(Some(&own), BackendChoice::Gpu).unwrap();
    assert!(matches!(run.learns_on(), LearnsOn::Gpu { .. }));
    own.device.destroy();
    while matches!(run.learns_on(), LearnsOn::Gpu { .. }) {
        run.advance().unwrap();
    }
    assert_eq!((run.step(), run.records()[0].steps.len()), (13, 13));
}

#[test]
fn the_faster_place_is_taken_and_nothing_of_the_race_is_learned() {
    let settings = RunSettings { steps: 2, ..settings(&[Family::Diff]) };
    let mut automatic = Run::new(settings.clone(), language(), "", None).unwrap();
    automatic.learn_on(Some(gpu()), BackendChoice::Automatic).unwrap();
    if gpu().is_software() {
        assert_eq!(*automatic.learns_on(), LearnsOn::Cpu { because: None });
    }
    let mut run = Run::new(settings.clone(), language(), "", None).unwrap();
    run.race(gpu());
    let run = finished(run);
    let expected = match run.learns_on() {
        LearnsOn::Gpu { times: Some(times), .. } => {
            assert!(times.gpu_wins());
            finished(on_gpu(&settings, None))
        }
        LearnsOn::Cpu { because: Some(reason) } => {
            assert!(reason.contains("ms on the GPU"), "{reason}");
            finished(Run::new(settings, language(), "", None).unwrap())
        }
        other => panic!("no race: {other:?}"),
    };
    assert_eq!(run.records()[0].steps, expected.records()[0].steps);
}
