using System.Globalization;

namespace SoftThinking.Tokenization;

/// <summary>A set of Unicode code points: categories, ranges and other sets, possibly negated as a whole. It works on
/// code points, so that letters beyond the basic plane are letters; .NET's regular expressions match UTF-16 units
/// instead.</summary>
internal sealed class CharacterClass
{
    // Before the sets below: static members are initialized in textual order.
    private static readonly Dictionary<string, uint> CategoryNames = BuildCategoryNames();

    private readonly uint _categories;
    private readonly (int First, int Last)[] _ranges;
    private readonly CharacterClass[] _parts;
    private readonly bool _negated;
    private readonly UInt128 _ascii;

    /// <param name="categories">Bit i: whether the category (UnicodeCategory)i belongs to the set.</param>
    /// <param name="ranges">Ranges of code points in the set, ends included.</param>
    /// <param name="parts">Sets whose union is included.</param>
    /// <param name="negated">Whether the set is the complement of all these.</param>
    public CharacterClass(
        uint categories, (int First, int Last)[] ranges, CharacterClass[] parts, bool negated)
    {
        _categories = categories;
        _ranges = ranges;
        _parts = parts;
        _negated = negated;
        for (int c = 0; c < 128; c++)
            _ascii |= Compute(c) ? UInt128.One << c : UInt128.Zero;
    }

    /// <summary>White_Space of Unicode, which is also what \s means to Oniguruma.</summary>
    public static CharacterClass WhiteSpace { get; } = new(
        Bits(UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator),
        [(0x09, 0x0D), (0x85, 0x85)], [], negated: false);

    /// <summary>\w of the Rust crate `regex`, which decides where a single-word added token matches: Alphabetic,
    /// marks, decimal digits, connectors and joiners. The circled and squared letters are the symbols that are
    /// Alphabetic.</summary>
    public static CharacterClass WordCharacter { get; } = new(
        CategoryNames["L"] | CategoryNames["M"] | CategoryNames["Nd"] | CategoryNames["Nl"] | CategoryNames["Pc"],
        [(0x200C, 0x200D), (0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)], [],
        negated: false);

    /// <summary>The categories of each name in \p{…}: "L", "Lu" and so on.</summary>
    public static IReadOnlyDictionary<string, uint> CategoriesByName => CategoryNames;

    /// <summary>The set of the given code points.</summary>
    public static CharacterClass Of(params ReadOnlySpan<int> codePoints)
    {
        var ranges = new (int, int)[codePoints.Length];
        for (int i = 0; i < codePoints.Length; i++)
            ranges[i] = (codePoints[i], codePoints[i]);
        return new CharacterClass(0, ranges, [], negated: false);
    }

    public static CharacterClass OfCategories(uint categories) => new(categories, [], [], negated: false);

    public CharacterClass Negate() => new(0, [], [this], negated: true);

    public bool Contains(int codePoint) =>
        codePoint < 128 ? (_ascii >> codePoint & UInt128.One) != UInt128.Zero : Compute(codePoint);

    private bool Compute(int codePoint) => _negated != IsListed(codePoint);

    private bool IsListed(int codePoint)
    {
        if (_categories != 0 && (_categories >> (int)CharUnicodeInfo.GetUnicodeCategory(codePoint) & 1) != 0)
            return true;
        foreach ((int first, int last) in _ranges)
        {
            if (codePoint >= first && codePoint <= last)
                return true;
        }
        foreach (CharacterClass part in _parts)
        {
            if (part.Contains(codePoint))
                return true;
        }
        return false;
    }

    private static uint Bits(params ReadOnlySpan<UnicodeCategory> categories)
    {
        uint bits = 0;
        foreach (UnicodeCategory category in categories)
            bits |= 1u << (int)category;
        return bits;
    }

    private static Dictionary<string, uint> BuildCategoryNames()
    {
        // Two-letter names of Unicode in the order of System.Globalization.UnicodeCategory.
        string[] names =
        [
            "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
            "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
        ];
        var byName = new Dictionary<string, uint>();
        for (int category = 0; category < names.Length; category++)
        {
            string major = names[category][..1];
            byName[names[category]] = 1u << category;
            byName[major] = byName.GetValueOrDefault(major) | 1u << category;
        }
        return byName;
    }
}
