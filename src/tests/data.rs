use crate::data::{Column, Dataset, Normalization, Table, one_hot};

#[test]
fn tables() {
    let table = Table::parse("length, \"width\",species\n1.5,2,0\n\n-3e-1,4,2\r\n").unwrap();
    assert_eq!((table.rows(), table.names().len()), (2, 3));
    assert_eq!(table.reals::<f32>(&["width", "length"]).unwrap(), [2.0, 1.5, 4.0, -0.3]);
    assert_eq!(table.reals_without::<f64>(&["species"]).unwrap(), [1.5, 2.0, -0.3, 4.0]);
    assert_eq!(table.indices("species").unwrap(), [0, 2]);
    let message = |error: crate::Error| error.to_string();
    assert_eq!(table.indices("length").map_err(message).unwrap_err(), "row 1 of `length` is 1.5, which is no integer");
    let unknown = "there is no column `size`: there are `length`, `width`, `species`";
    assert_eq!(table.indices("size").map_err(message).unwrap_err(), unknown);
}

#[test]
fn wrong_tables() {
    let check = |text: &str, expected: &str| assert_eq!(Table::parse(text).unwrap_err().to_string(), expected);
    check("", "a line of names is expected, but there is none");
    check("a,b,a\n", "the column `a` occurs twice");
    check("a,b\n1,2\n\n1,x\n", "line 4, column `b`: `x` is no number");
    check("a,b\n1\n", "line 2 has 1 numbers, but there are 2 columns");
    check("a,b\n1,2,3\n", "line 2 has 3 numbers, but there are 2 columns");
}

fn numbered(samples: usize) -> Dataset<f32> {
    let x: Vec<f32> = (0..2 * samples).map(|number| (number / 2) as f32).collect();
    let t: Vec<i32> = (0..samples as i32).collect();
    Dataset::new(samples, [x.into(), t.into()]).unwrap()
}

/// Both columns tell the number of the sample.
fn numbers(data: &Dataset<f32>) -> Vec<i32> {
    let [Column::Real(x), Column::Index(t)] = data.columns() else { panic!("the columns keep their kinds") };
    assert_eq!(x.len(), 2 * t.len());
    for (x, t) in x.chunks(2).zip(t) {
        assert_eq!(x, [*t as f32; 2]);
    }
    t.clone()
}

#[test]
fn splits_lose_nothing() {
    let data = numbered(10);
    let (first, last) = data.split_at(7);
    assert_eq!((numbers(&first), numbers(&last)), ((0..7).collect(), (7..10).collect()));
    let (train, test) = data.split(0.3, 1);
    assert_eq!((train.len(), test.len()), (7, 3));
    let mut all = [numbers(&train), numbers(&test)].concat();
    assert_ne!(all, (0..10).collect::<Vec<_>>());
    all.sort();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
    assert_eq!(data.split(0.3, 1).0, train);
    assert_ne!(data.split(0.3, 2).0, train);
    assert_eq!(data.split_at(99).1.len(), 0);
}

#[test]
fn batches_are_a_permutation() {
    let data = numbered(11);
    let orders: Vec<Vec<i32>> = (0..2)
        .map(|epoch| {
            let (mut batches, mut order, mut sizes) = (data.batches(4, 9, epoch), Vec::new(), Vec::new());
            while let Some(batch) = batches.next() {
                order.extend(numbers(batch));
                sizes.push(batch.len());
            }
            assert_eq!(sizes, [4, 4, 3]);
            order
        })
        .collect();
    assert_ne!(orders[0], orders[1]);
    for mut order in orders {
        order.sort();
        assert_eq!(order, (0..11).collect::<Vec<_>>());
    }
    assert!(numbered(0).batches(4, 0, 0).next().is_none());
}

#[test]
fn columns_must_fit() {
    let error = Dataset::<f32>::new(4, [vec![0.0_f32; 8].into(), vec![0; 5].into()]).unwrap_err();
    assert_eq!(error.to_string(), "column 2 has 5 numbers, which do not make 4 samples");
}

#[test]
fn normalization() {
    let mut rows = [1.0, 5.0, 3.0, 5.0_f64];
    let normalization = Normalization::of(&rows, 2);
    normalization.apply(&mut rows);
    assert_eq!(rows, [-1.0, 0.0, 1.0, 0.0]);
    normalization.undo(&mut rows);
    assert_eq!(rows, [1.0, 5.0, 3.0, 5.0]);
}

#[test]
fn one_hot_rows() {
    assert_eq!(one_hot::<f32>(&[1, 0], 3).unwrap(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(one_hot::<f32>(&[1, 3], 3).unwrap_err().to_string(), "number 1 is 3, which is no class in 0..3");
    assert!(one_hot::<f32>(&[-1], 3).is_err());
}
