namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Trigonometric and hyperbolic functions and their inverses.</summary>
internal static class Trigonometry
{
    public static readonly IReadOnlyDictionary<string, Func<ComplexBall, int, ComplexBall>> Functions =
        new Dictionary<string, Func<ComplexBall, int, ComplexBall>>
        {
            ["sin"] = (z, p) => SinCos(z, p).Sin,
            ["cos"] = (z, p) => SinCos(z, p).Cos,
            ["tan"] = (z, p) => ComplexBall.Divide(SinCos(z, p).Sin, SinCos(z, p).Cos, p),
            ["cot"] = (z, p) => ComplexBall.Divide(SinCos(z, p).Cos, SinCos(z, p).Sin, p),
            ["sec"] = (z, p) => ComplexBall.Divide(ComplexBall.One, SinCos(z, p).Cos, p),
            ["csc"] = (z, p) => ComplexBall.Divide(ComplexBall.One, SinCos(z, p).Sin, p),
            ["arcsin"] = (z, p) => Real(Arcsin(Real(z), p)),
            ["arccos"] = (z, p) => Real(Ball.Add(BallFunctions.Half(BallFunctions.Pi(p)), -Arcsin(Real(z), p), p)),
            ["arctan"] = (z, p) => Real(BallFunctions.Arctan(Real(z), p)),
            ["arccot"] = (z, p) => Real(Ball.Add(
                BallFunctions.Half(BallFunctions.Pi(p)), -BallFunctions.Arctan(Real(z), p), p)),
            ["sinh"] = (z, p) => Hyperbolic(z, false, p),
            ["cosh"] = (z, p) => Hyperbolic(z, true, p),
            ["tanh"] = (z, p) => ComplexBall.Divide(Hyperbolic(z, false, p), Hyperbolic(z, true, p), p),
        };

    private static (ComplexBall Sin, ComplexBall Cos) SinCos(ComplexBall z, int precision)
    {
        if (z.IsReal)
        {
            (Ball sin, Ball cos) = BallFunctions.SinCos(z.Re, precision);
            return (Real(sin), Real(cos));
        }
        // sin z = (exp iz - exp -iz) / 2i, cos z = (exp iz + exp -iz) / 2
        ComplexBall plus = ComplexBall.Exp(ComplexBall.Multiply(ComplexBall.I, z, precision), precision);
        ComplexBall minus = ComplexBall.Exp(ComplexBall.Multiply(-ComplexBall.I, z, precision), precision);
        ComplexBall twice = ComplexBall.Multiply(ComplexBall.Add(plus, -minus, precision), -ComplexBall.I, precision);
        return (Half(twice), Half(ComplexBall.Add(plus, minus, precision)));
    }

    private static ComplexBall Hyperbolic(ComplexBall z, bool even, int precision)
    {
        ComplexBall plus = ComplexBall.Exp(z, precision);
        ComplexBall minus = ComplexBall.Exp(-z, precision);
        return Half(ComplexBall.Add(plus, even ? minus : -minus, precision));
    }

    private static Ball Arcsin(Ball x, int precision)
    {
        Ball rest = Ball.Add(Ball.One, -Ball.Multiply(x, x, precision), precision);
        if (rest.Sign < 0 && !rest.HoldsZero)
            throw new UndefinedException();
        return BallFunctions.Angle(x, Ball.SquareRoot(rest, precision), precision);
    }

    private static Ball Real(ComplexBall z) => z.IsReal ? z.Re : throw new UndefinedException();

    private static ComplexBall Real(Ball value) => new(value, Ball.Zero);

    private static ComplexBall Half(ComplexBall z) => new(BallFunctions.Half(z.Re), BallFunctions.Half(z.Im));
}
