use super::networks::Line;
use crate::{Dataset, Model, Trainer};

fn data(samples: usize) -> Dataset<f64> {
    let x: Vec<f64> = (0..2 * samples).map(|number| (number as f64 * 0.7).sin()).collect();
    let t: Vec<f64> = x.chunks(2).map(|x| 2.0 * x[0] - x[1] + 1.0).collect();
    Dataset::new(samples, [x.into(), t.into()]).unwrap()
}

#[test]
fn epochs_are_reported_and_repeatable() {
    let trainer = Trainer { epochs: 40, batch: 8, validation: 0.25, ..Trainer::default() };
    let mut lines = Vec::new();
    let mut model = Model::<Line<f64>>::new(0);
    let epochs = trainer.train(&mut model, &data(61), |epoch, _| lines.push(epoch.to_string())).unwrap();
    assert_eq!((epochs.len(), lines.len()), (40, 40));
    // 46 samples remain: 6 steps an epoch.
    assert_eq!(model.steps(), 240);
    let last = &epochs[39];
    assert!(last.loss < 1e-6 && last.validation.unwrap() < 1e-6 && last.loss < epochs[0].loss, "{last}");
    assert_eq!(last.metrics[0].0, "absolute");
    assert!(lines[39].starts_with("epoch  40  loss 0.0000  validation 0.0000  absolute 0.0"), "{}", lines[39]);
    let mut again = Model::<Line<f64>>::new(0);
    trainer.train(&mut again, &data(61), |_, _| {}).unwrap();
    assert_eq!(model.parameters(), again.parameters());
    let mut other = Model::<Line<f64>>::new(0);
    Trainer { seed: 1, ..trainer }.train(&mut other, &data(61), |_, _| {}).unwrap();
    assert_ne!(model.parameters(), other.parameters());
}

#[test]
fn training_stops_and_goes_back() {
    let trainer = Trainer { epochs: 1000, batch: 8, patience: Some(3), ..Trainer::default() };
    let mut model = Model::<Line<f64>>::new(0);
    let mut kept = Vec::new();
    let (train, validation) = data(40).split_at(30);
    // After epoch 5 the rate is so large that the training diverges.
    let epochs = trainer.train_with(&mut model, &train, &validation, |epoch, model| {
        kept.push(model.parameters().to_vec());
        if epoch.number == 5 {
            model.optimizer_mut().lr = 10.0;
        }
    });
    let epochs = epochs.unwrap();
    let best = (0..epochs.len()).min_by(|&a, &b| epochs[a].validation.unwrap().total_cmp(&epochs[b].validation.unwrap())).unwrap();
    assert!(best < 5 && epochs.len() == best + 4, "best {best} of {}", epochs.len());
    assert_eq!(model.parameters(), kept[best]);
}

#[test]
fn data_must_fit_the_network() {
    let few = Dataset::new(2, [vec![1.0; 4].into()]).unwrap();
    let error = Trainer::default().train(&mut Model::<Line<f64>>::new(0), &few, |_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "inputs and targets: the network has 2, but 1 were given");
    let wide = Dataset::new(2, [vec![1.0; 6].into(), vec![1.0; 2].into()]).unwrap();
    let error = Trainer::default().train(&mut Model::<Line<f64>>::new(0), &wide, |_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "`x` should have 4 numbers, but has 6");
}
