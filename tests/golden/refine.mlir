// case: sizes known
func.func public @main(%x: tensor<?x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %n = stablehlo.get_dimension_size %x, dim = 0 : (tensor<?x4xf32>) -> tensor<i32>
  %0 = stablehlo.reshape %n : (tensor<i32>) -> tensor<1xi32>
  %four = stablehlo.constant dense<4> : tensor<1xi32>
  %1 = stablehlo.concatenate %0, %four, dim = 0 : (tensor<1xi32>, tensor<1xi32>) -> tensor<2xi32>
  %2 = stablehlo.dynamic_broadcast_in_dim %b, %1, dims = [1] : (tensor<4xf32>, tensor<2xi32>) -> tensor<?x4xf32>
  %3 = stablehlo.add %x, %2 : tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<5x4xf32>, %arg1: tensor<4xf32>) -> tensor<5x4xf32> {
    %0 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<4xf32>) -> tensor<5x4xf32>
    %1 = stablehlo.add %arg0, %0 : tensor<5x4xf32>
    return %1 : tensor<5x4xf32>
  }
}

// case: a loop with sizes of its own
func.func public @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %n = stablehlo.constant dense<3> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %0:2 = stablehlo.while(%i = %n, %v = %x) : tensor<i32>, tensor<?xf32>
  cond {
    %z = stablehlo.constant dense<0> : tensor<i32>
    %p = stablehlo.compare GT, %i, %z : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %p : tensor<i1>
  } do {
    %j = stablehlo.subtract %i, %one : tensor<i32>
    %w = stablehlo.add %v, %v : tensor<?xf32>
    stablehlo.return %j, %w : tensor<i32>, tensor<?xf32>
  }
  return %0#1 : tensor<?xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<5xf32>) -> tensor<5xf32> {
    %c = stablehlo.constant dense<3> : tensor<i32>
    %c_0 = stablehlo.constant dense<1> : tensor<i32>
    %0:2 = stablehlo.while(%iterArg = %c, %iterArg_1 = %arg0) : tensor<i32>, tensor<5xf32>
    cond {
      %c_2 = stablehlo.constant dense<0> : tensor<i32>
      %1 = stablehlo.compare GT, %iterArg, %c_2 : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %1 : tensor<i1>
    } do {
      %1 = stablehlo.subtract %iterArg, %c_0 : tensor<i32>
      %2 = stablehlo.add %iterArg_1, %iterArg_1 : tensor<5xf32>
      stablehlo.return %1, %2 : tensor<i32>, tensor<5xf32>
    }
    return %0#1 : tensor<5xf32>
  }
}

// case: through a call
func.func public @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = call @twice(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func private @twice(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = stablehlo.add %x, %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<5xf32>) -> tensor<5xf32> {
    %0 = stablehlo.add %arg0, %arg0 : tensor<5xf32>
    return %0 : tensor<5xf32>
  }
}

