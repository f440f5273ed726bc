namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>A complex number with bounds of its errors.</summary>
internal readonly record struct ComplexBall(Ball Re, Ball Im)
{
    public static readonly ComplexBall Zero = new(Ball.Zero, Ball.Zero);
    public static readonly ComplexBall One = new(Ball.One, Ball.Zero);
    public static readonly ComplexBall I = new(Ball.Zero, Ball.One);

    public bool IsReal => Im.IsExactZero;

    public static ComplexBall operator -(ComplexBall z) => new(-z.Re, -z.Im);

    public static ComplexBall Add(ComplexBall a, ComplexBall b, int precision)
        => new(Ball.Add(a.Re, b.Re, precision), Ball.Add(a.Im, b.Im, precision));

    public static ComplexBall Multiply(ComplexBall a, ComplexBall b, int precision)
    {
        if (a.IsReal && b.IsReal)
            return new(Ball.Multiply(a.Re, b.Re, precision), Ball.Zero);
        return new(
            Ball.Add(Ball.Multiply(a.Re, b.Re, precision), -Ball.Multiply(a.Im, b.Im, precision), precision),
            Ball.Add(Ball.Multiply(a.Re, b.Im, precision), Ball.Multiply(a.Im, b.Re, precision), precision));
    }

    public static ComplexBall Divide(ComplexBall a, ComplexBall b, int precision)
    {
        if (b.IsReal)
            return new(Ball.Divide(a.Re, b.Re, precision), a.IsReal ? Ball.Zero : Ball.Divide(a.Im, b.Re, precision));
        Ball square = b.SquaredLength(precision);
        ComplexBall product = Multiply(a, new(b.Re, -b.Im), precision);
        return new(Ball.Divide(product.Re, square, precision), Ball.Divide(product.Im, square, precision));
    }

    public Ball SquaredLength(int precision)
        => Ball.Add(Ball.Multiply(Re, Re, precision), Ball.Multiply(Im, Im, precision), precision);

    public Ball Length(int precision)
        => !IsReal ? Ball.SquareRoot(SquaredLength(precision), precision) : Re.Sign < 0 ? -Re : Re;

    public static ComplexBall Exp(ComplexBall z, int precision)
    {
        Ball length = BallFunctions.Exp(z.Re, precision);
        if (z.IsReal)
            return new(length, Ball.Zero);
        (Ball sin, Ball cos) = BallFunctions.SinCos(z.Im, precision);
        return new(Ball.Multiply(length, cos, precision), Ball.Multiply(length, sin, precision));
    }

    public static ComplexBall Log(ComplexBall z, int precision)
    {
        Ball length = BallFunctions.Log(z.Length(precision), precision);
        return new(length, BallFunctions.Angle(z.Im, z.Re, precision));
    }

    /// <summary>zⁿ by squaring.</summary>
    public static ComplexBall Power(ComplexBall z, long exponent, int precision)
    {
        if (exponent < 0)
            return Divide(One, Power(z, -exponent, precision), precision);
        ComplexBall result = One;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) != 0)
                result = Multiply(result, z, precision);
            if (exponent > 1)
                z = Multiply(z, z, precision);
        }
        return result;
    }
}
