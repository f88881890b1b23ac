use super::networks::{Line, Steps};
use crate::{Error, Model, Workspace, shaped};

fn message<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_line_is_learned() {
    let x = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, -1.0]];
    let t: Vec<f32> = x.iter().map(|x: &[f32; 2]| 2.0 * x[0] - 3.0 * x[1] + 0.5).collect();
    let mut model = Model::<Line<f32>>::new(7);
    let first = model.evaluate(&x, &t).unwrap().loss;
    assert_eq!(first, model.gradient(&x, &t).unwrap());
    assert_eq!(first, model.step(&x, &t).unwrap());
    for _ in 0..600 {
        model.step(&x, &t).unwrap();
    }
    let found = model.evaluate(&x, &t).unwrap();
    assert!(found.loss < 1e-8 && found.metric("absolute").unwrap() < 1e-4, "{found:?}");
    assert!((model.parameter("w").unwrap()[1] + 3.0).abs() < 1e-3);
    assert!((model.parameter("b").unwrap()[0] - 0.5).abs() < 1e-3);
    assert_eq!(model.steps(), 601);
    let y = model.predict(&[[2.0, 1.0]]).unwrap();
    assert!((y[0] - 1.5).abs() < 1e-3 && y.len() == 1);
}

#[test]
fn seeds_decide_parameters() {
    let (a, mut b) = (Model::<Line<f64>>::new(1), Model::<Line<f64>>::new(2));
    assert_ne!(a.parameters(), b.parameters());
    b.step(&[1.0, 2.0], &[3.0]).unwrap();
    b.init(1);
    assert_eq!(a.parameters(), b.parameters());
    assert_eq!(b.steps(), 0);
    assert_eq!(format!("{b:?}"), "Line (3 parameters, 0 steps)");
}

#[test]
fn any_batch() {
    let mut model = Model::<Line<f32>>::new(0);
    let samples: Vec<[f32; 2]> = (0..40).map(|n| [n as f32, 1.0]).collect();
    let all = model.predict(&samples).unwrap().to_vec();
    for batch in [40, 17, 1, 0, 3] {
        let y = model.predict(&samples[..batch]).unwrap();
        assert_eq!(*y, all[..batch]);
        assert_eq!(y.rows().len(), batch);
        let (flat, mut into) = (samples[..batch].as_flattened(), vec![0.0; batch]);
        model.predict_into(flat, &mut [&mut into], &mut Workspace::default()).unwrap();
        assert_eq!(into, all[..batch]);
    }
    let before = model.parameters().to_vec();
    assert_eq!(model.step(&[0.0; 0], &[0.0; 0]).unwrap(), 0.0);
    assert_eq!(model.parameters(), before);
}

#[test]
fn what_is_wrong_is_said() {
    let mut model = Model::<Line<f32>>::new(0);
    assert_eq!(message(model.predict(&[1.0, 2.0, 3.0])), "`x` should have the shape [batch, 2], but has 3 numbers");
    assert_eq!(message(model.predict(&[[1.0, 2.0, 3.0]; 2])), "`x` should have the shape [batch, 2], but has 2 rows of 3");
    assert_eq!(message(model.step(&[[1.0, 2.0]; 3], &[1.0; 4])), "`t` should have 3 numbers, but has 4");
    assert_eq!(message(model.predict(())), "inputs: the network has 1, but 0 were given");
    assert_eq!(message(model.predict(&[1, 2])), "`x` takes reals, but integers (`i32`) were given");
    assert_eq!(message(model.parameter("v")), "there is no parameter `v`: there are `w`, `b`");
    assert_eq!(message(model.optimizer_field("beta")), "there is no number of the optimizer `beta`: there are `lr`, `momentum`");
    assert_eq!(message(model.predict(shaped(&[1.0, 2.0, 3.0, 4.0], &[1, 4]))), "`x` should have the shape [batch, 2], but has [1, 4]");
    let mut small = [0.0; 1];
    let mut workspace = Workspace::default();
    assert_eq!(message(model.predict_into(&[[1.0, 2.0]; 3], &mut [&mut small], &mut workspace)), "`y` should have 3 numbers, but has 1");
    assert_eq!(model.steps(), 0);
}

#[test]
fn the_optimizer_can_be_changed() {
    let mut model = Model::<Line<f32>>::new(0);
    model.optimizer_mut().momentum = 0.5;
    *model.optimizer_field("lr").unwrap() *= 0.5;
    assert_eq!((model.optimizer().lr, model.optimizer().momentum), (0.05, 0.5));
    let before = model.parameter("b").unwrap()[0];
    model.gradients_mut()[2] = 1.0;
    model.update();
    assert!((before - model.parameter("b").unwrap()[0] - 0.05 / 1.01).abs() < 1e-6);
}

#[test]
fn sizes_follow_from_what_is_given() {
    let mut model = Model::<Steps>::new(0);
    // 2 samples by the words, so 12 numbers are 2 steps each.
    let x = [1.0; 12];
    assert_eq!(*model.predict((&x, &[3, 4])).unwrap(), [2.0; 6]);
    assert_eq!(*model.predict((shaped(&x, &[4, 1, 3]), &[3, 4, 0, 0])).unwrap(), [1.0; 12]);
    assert_eq!(model.evaluate((&x, &[3, 4]), &[0.0; 10]).unwrap().loss, 5.0);
    assert_eq!(message(model.predict((shaped(&x, &[4, 1, 3]), &[3, 4]))), "`word` should have 4 numbers, but has 2");
    assert_eq!(message(model.predict((&x, &[3, 10]))), "`word` should hold indices from 0 to 9, but number 1 is 10");
    assert_eq!(
        message(model.predict((&[0.0; 0], &[0; 0]))),
        "the size `T` does not follow from what was given: give an array, or `nnc::shaped(&numbers, &[sizes])`"
    );
    assert_eq!(message(model.predict((&[1.0; 13], &[3, 4]))), "`x` should have the shape [batch, T, 3], but has 13 numbers");
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays() {
    use ndarray::{Array1, Array2, Array3, Axis, Slice};
    let mut model = Model::<Line<f32>>::new(0);
    let x = Array2::from_shape_fn((5, 2), |(n, i)| (n + i) as f32);
    let flat = model.predict(x.as_slice().unwrap()).unwrap().to_vec();
    let y = model.predict(&x).unwrap();
    assert_eq!(y.array("y").unwrap().unwrap(), Array1::from_vec(flat).into_dyn());
    model.step(&x.slice_axis(Axis(0), Slice::from(1..3)), &Array1::<f32>::zeros(2)).unwrap();
    assert_eq!(
        message(model.predict(&x.t())),
        "the array given for `x` does not lie in memory row by row; `as_standard_layout()` makes one that does"
    );
    let wide = Array2::<f32>::zeros((2, 5));
    assert_eq!(message(model.predict(&wide)), "`x` should have the shape [batch, 2], but has [2, 5]");
    let mut steps = Model::<Steps>::new(0);
    let words = Array1::from_vec(vec![1, 2]);
    assert_eq!(steps.predict((&Array3::<f32>::ones((2, 4, 3)), &words)).unwrap()[0], 4.0);
}

#[test]
fn nothing_is_allocated_twice() {
    let mut model = Model::<Line<f32>>::new(0);
    let (x, t) = (vec![1.0_f32; 64], vec![1.0_f32; 32]);
    model.step(&x, &t).unwrap();
    let places = |model: &Model<Line<f32>>| (model.parameters().as_ptr(), model.gradients().as_ptr());
    let before = places(&model);
    model.step(&x[..6], &t[..3]).unwrap();
    model.step(&x, &t).unwrap();
    assert_eq!(places(&model), before);
}

#[test]
fn a_model_goes_to_threads() {
    fn both<T: Send + Sync>(_: &T) {}
    let model = Model::<Line<f32>>::new(3);
    both(&model);
    let expected = model.clone().predict(&[1.0, 2.0]).unwrap()[0];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut y = [0.0];
                model.predict_into(&[1.0, 2.0], &mut [&mut y], &mut Workspace::default()).unwrap();
                assert_eq!(y[0], expected);
            });
        }
    });
}
