line_that_is_too_long = "The configured length is one hundred and twenty characters, and this line is rather longer than that."
