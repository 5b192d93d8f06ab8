"""Cases as other systems read them: one set of facts, and a module for each form that they are given on in."""
