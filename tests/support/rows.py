"""Training rows: questions of different length with short answers, all beginning with the same instruction."""

from preceptor.training.job import Example

CAPITALS = {
    "Peru": "Lima",
    "Ireland": "Dublin",
    "Norway": "Oslo",
    "Cuba": "Havana",
    "United Arab Emirates": "Abu Dhabi",
    "Chad": "N'Djamena",
    "Fiji": "Suva",
    "Bosnia": "Sarajevo",
    "Togo": "Lome",
    "Mali": "Bamako",
    "Iran": "Tehran",
}


def capitals() -> list[Example]:
    return [
        Example([{"role": "user", "content": f"Name the capital of {country}"}], capital)
        for country, capital in CAPITALS.items()
    ]
