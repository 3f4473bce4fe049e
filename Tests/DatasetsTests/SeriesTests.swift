import Batches
@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// Windows of series: equal to genuine Keras's, in its order.
@Suite struct SeriesTests {
    private let data = Tensor((0..<60).map(Double.init), shape: [30, 2])
    private let targets = Tensor((0..<30).map { Int64($0) })

    @Test func slidesAsKeras() throws {
        let cases = try GenuineCases.load("series.json").list
        #expect(cases.count == 7)
        for one in cases {
            let a = one["arguments"], comment = Comment(rawValue: "\(a.root)")
            let dataset = try timeseriesDatasetFromArray(
                data, targets: a.keys.contains("targets") ? nil : targets, sequenceLength: a["sequence_length"].int ?? 0,
                sequenceStride: a["sequence_stride"].int ?? 1, samplingRate: a["sampling_rate"].int ?? 1, batchSize: a["batch_size"].int ?? 128,
                shuffle: a["shuffle"].bool ?? false, seed: a["seed"].int.map(UInt32.init), startIndex: a["start_index"].int, endIndex: a["end_index"].int)
            // Every pass has its own order, the same as genuine Keras's.
            for pass in one["passes"].list {
                for batch in pass.list {
                    let got = try #require(try dataset.next())
                    expect(got.x[0], equals: batch.list[0].tensor, comment)
                    if batch.list.count > 1 { expect(got.y[0], equals: batch.list[1].tensor, comment) } else { #expect(got.y.isEmpty) }
                }
                #expect(try dataset.next() == nil && dataset.batchesPerPass == pass.list.count)
            }
        }
    }

    @Test func refusesOtherWindows() {
        func refusal(
            _ targets: Tensor? = nil, length: Int = 3, stride: Int = 1, rate: Int = 1, batch: Int? = 4, start: Int? = nil, end: Int? = nil, data: Tensor? = nil
        ) -> String? {
            code { () throws(LocatedError) in
                try timeseriesDatasetFromArray(
                    data ?? self.data, targets: targets, sequenceLength: length, sequenceStride: stride, samplingRate: rate, batchSize: batch,
                    startIndex: start, endIndex: end)
            }
        }
        #expect(refusal() == nil)
        #expect(refusal(length: 0) == "64 timeseries.sequence_length" && refusal(length: 31) == "64 timeseries.sequence_length")
        #expect(refusal(length: 16, rate: 2) == "64 timeseries.sequence_length" && refusal(length: .max) == "64 timeseries.sequence_length")
        #expect(refusal(stride: 0) == "64 timeseries.sequence_stride" && refusal(stride: 30) == "64 timeseries.sequence_stride")
        #expect(refusal(rate: 0) == "64 timeseries.sampling_rate" && refusal(rate: .max) == "64 timeseries.sampling_rate")
        #expect(refusal(start: -1) == "64 timeseries.start_index" && refusal(start: 30) == "64 timeseries.start_index")
        #expect(refusal(end: -1) == "64 timeseries.end_index" && refusal(end: 30) == "64 timeseries.end_index" && refusal(start: 9, end: 9) == "64 timeseries.end_index")
        #expect(refusal(batch: 0) == "64 data.batch_size")
        #expect(refusal(start: 20, data: data) == nil && refusal(targets.rows(0..<22), start: 20) == "67 timeseries.targets")
        #expect(refusal(data: Tensor(scalar: 1 as Float)) == "64 timeseries.data")
    }

    @Test(arguments: ["keras2.json", "keras3.json"])
    func generatesAsKeras(_ generation: String) throws {
        let data = Tensor((0..<40).map(Double.init), shape: [20, 2]), targets = Tensor((0..<20).map { Int64($0 * 10) })
        let cases = try GenuineCases.load(generation)["text"]["generators"].list
        #expect(cases.count == 6)
        for one in cases {
            let a = one["arguments"], comment = Comment(rawValue: "\(a.root)")
            let generator = try TimeseriesGenerator(
                data, targets, length: a["length"].int ?? 0, samplingRate: a["sampling_rate"].int ?? 1, stride: a["stride"].int ?? 1,
                startIndex: a["start_index"].int ?? 0, endIndex: a["end_index"].int, shuffle: a["shuffle"].bool ?? false, reverse: a["reverse"].bool ?? false,
                batchSize: a["batch_size"].int ?? 128, seed: 6)
            #expect(generator.count == one["count"].int)
            for (x, y) in zip(one["x"].list, one["y"].list) {
                let batch = try #require(try generator.next())
                expect(batch.x[0], equals: x.tensor, comment)
                expect(batch.y[0], equals: y.tensor, comment)
            }
            #expect(try generator.next() == nil)
        }
        func refusal(_ length: Int, stride: Int = 1, start: Int = 0, end: Int? = nil, batch: Int = 4, targets: Tensor? = nil) -> String? {
            code { () throws(LocatedError) in
                try TimeseriesGenerator(data, targets ?? Tensor(zeros: [20]), length: length, stride: stride, startIndex: start, endIndex: end, batchSize: batch)
            }
        }
        #expect(refusal(19) == nil && refusal(20) == "64 timeseries.start_index" && refusal(0) == "64 timeseries.length")
        #expect(refusal(2, start: .max) == "64 timeseries.start_index" && refusal(2, end: 20) == "64 timeseries.start_index")
        #expect(refusal(2, stride: 0) == "64 timeseries.stride" && refusal(2, batch: 0) == "64 data.batch_size")
        #expect(refusal(2, stride: .max, batch: 1 << 40) == nil)
        #expect(refusal(2, targets: Tensor(zeros: [19])) == "67 timeseries.targets")
        let generator = try TimeseriesGenerator(data, targets, length: 3)
        #expect(code { () throws(LocatedError) in try generator.batch(1) } == "64 timeseries.index")
    }
}
