/* The long names of general categories, as ECMA-262 has them (table "Value aliases and canonical
 * values for the Unicode property General_Category"). */
#include "schema/regex.h"

struct slice regex_category(struct slice name)
{
	static const char *const names[][2] = {
		{ "Cased_Letter", "LC" },
		{ "Close_Punctuation", "Pe" },
		{ "Combining_Mark", "M" },
		{ "Connector_Punctuation", "Pc" },
		{ "Control", "Cc" },
		{ "Currency_Symbol", "Sc" },
		{ "Dash_Punctuation", "Pd" },
		{ "Decimal_Number", "Nd" },
		{ "Enclosing_Mark", "Me" },
		{ "Final_Punctuation", "Pf" },
		{ "Format", "Cf" },
		{ "Initial_Punctuation", "Pi" },
		{ "Letter", "L" },
		{ "Letter_Number", "Nl" },
		{ "Line_Separator", "Zl" },
		{ "Lowercase_Letter", "Ll" },
		{ "Mark", "M" },
		{ "Math_Symbol", "Sm" },
		{ "Modifier_Letter", "Lm" },
		{ "Modifier_Symbol", "Sk" },
		{ "Nonspacing_Mark", "Mn" },
		{ "Number", "N" },
		{ "Open_Punctuation", "Ps" },
		{ "Other", "C" },
		{ "Other_Letter", "Lo" },
		{ "Other_Number", "No" },
		{ "Other_Punctuation", "Po" },
		{ "Other_Symbol", "So" },
		{ "Paragraph_Separator", "Zp" },
		{ "Private_Use", "Co" },
		{ "Punctuation", "P" },
		{ "Separator", "Z" },
		{ "Space_Separator", "Zs" },
		{ "Spacing_Mark", "Mc" },
		{ "Surrogate", "Cs" },
		{ "Symbol", "S" },
		{ "Titlecase_Letter", "Lt" },
		{ "Unassigned", "Cn" },
		{ "Uppercase_Letter", "Lu" },
		{ "cntrl", "Cc" },
		{ "digit", "Nd" },
		{ "punct", "P" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (slice_is(name, names[i][0]))
			return slice_z(names[i][1]);
	return name;
}
