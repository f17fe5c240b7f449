"""Words that describe people, and words that name people and body parts; `forbidden` has the rules for them.

English, and the most common words of German, French, Spanish and Italian, in lower case without diacritics. Plurals in
s or ies are recognised and not listed.
"""

from typing import Final

__all__ = ["ALWAYS", "AMBIGUOUS", "COLOURED_PARTS", "COLOURS", "COLOURS_ALONE", "CONNECTORS", "PARTS", "PEOPLE"]

# Sex and station, age, origin, religion and its garments, what the law calls a person, feelings; then other languages.
_ALWAYS: Final = """
man men woman women boy girl gentleman gentlemen gentlewoman ladies guy bloke lass lad gal mister mrs madam sir
boyfriend girlfriend schoolboy schoolgirl businessman policeman salesman bride bridegroom husband wife grandma
grandpa grandmother grandfather aunt uncle niece nephew toddler preschooler teenager teen adolescent pensioner youth
youngster middleaged gender transgender nonbinary cisgender masculine feminine homosexual heterosexual bisexual gay
lesbian queer lgbt ethnic ethnicity nationality racial caucasian caucasoid negro negroid mongoloid mulatto mestizo
hispanic latino latina latinx uyghur uighur sinti romani gypsies aryan semitic kurd inuit eskimo aborigine religion
religious muslim islamic islam catholic protestant jewish jew judaism hindu hinduism buddhist sikh mormon amish shia
sunni atheist hijab hijabi niqab burka burqa chador abaya turban kippah kippa yarmulke kopftuch headscarf cassock
vestment imam rabbi priest nun criminal terrorist immigrant migrant refugee foreigner autistic demented transsexual
complexion skinned brunette emotion emotional mood frau frauen mann manner herr dame junge jungen madchen weiblich
mannlich geschlecht kind kinder jugendlicher erwachsener greis muslimin judin jude femme femmes homme hommes garcon
fille enfant monsieur madame feminin masculin musulman musulmane juif juive mujer mujeres hombre hombres nino nina
chico chica senor senora femenino masculino anciano musulmana judio judia uomo uomini donna donne ragazzo ragazza
bambino bambina signora signore femminile maschile anziano musulmano ebreo traurig wutend glucklich triste heureux
heureuse feliz enojado arrabbiato negra neger negerin negre negresse christin
"""

# Origin; religion; sex and kin; age; feelings; health; looks; then other languages.
_AMBIGUOUS: Final = """
age race asian african european american arab arabic arabian roma gypsy indigenous aboriginal native oriental nordic
slavic latin caribbean scandinavian afghan albanian algerian argentinian armenian australian austrian azerbaijani
bangladeshi belgian bengali bolivian bosnian brazilian british bulgarian burmese cambodian cameroonian canadian
chilean chinese colombian congolese croatian cuban czech danish dutch ecuadorian egyptian english eritrean estonian
ethiopian filipino finnish georgian german ghanaian greek gujarati haitian hungarian icelandic indian indonesian
iranian iraqi irish israeli italian jamaican japanese jordanian kazakh kenyan korean kosovar kurdish kuwaiti laotian
latvian lebanese libyan lithuanian macedonian malay malaysian maori mexican moldovan mongolian moroccan mozambican
nepalese nepali nicaraguan nigerian norwegian pakistani palestinian panamanian pashtun persian peruvian polish
portuguese punjabi romanian russian rwandan saudi scottish senegalese serbian singaporean slovak slovenian somali
spanish sudanese swedish swiss syrian taiwanese tamil tanzanian thai tibetan tunisian turkish turk ugandan ukrainian
uruguayan uzbek venezuelan vietnamese welsh yemeni zulu christian orthodox monk male female sex sexual lady
mother father son daughter sister brother aged adult child children baby infant newborn juvenile kid minor young old
elder elderly senior year yr happy happiness sad sadness angry anger fear fearful afraid scared disgust disgusted
surprise surprised neutral smile smiling laughing crying weeping frowning contempt calm anxious nervous stressed
depressed upset excited bored joy joyful health healthy disabled disability handicapped pregnant obese overweight
ill sick deaf skin attractive beautiful ugly straight blond blonde redhead deutsch deutscher turke turkin chinois
chinoise arabe africain africaine asiatique allemand africano africana asiatico asiatica aleman italiano italiana
cinese tedesco arabo alter alt jeune vieux vieille joven viejo vieja giovane vecchio vecchia adulte adulto bebe
macho hembra maschio femmina femelle asiatisch afrikanisch arabisch turkisch chinesisch europaisch asiatic eurasian
afro afrikaner araba
"""

# Roles, and general words for a person or a kind.
_PEOPLE: Final = """
person people human pedestrian rider cyclist biker motorcyclist driver passenger worker employee staff player crowd
someone somebody individual adult guest visitor customer shopper tourist student pupil teacher doctor nurse patient
soldier police officer guard hunter farmer citizen suspect victim witness owner skier surfer swimmer runner walker
hiker jogger athlete dancer singer actor user type group class category origin descent looking appearance ancestry
heritage background other unknown unk mensch menschen fussganger personne personnes pieton persona personas peaton
pedone persone leute gens gente
"""

_PARTS: Final = """
face head body hand arm leg foot feet hair eye lip nose ear mouth neck torso skin beard finger gesicht kopf visage
tete cara rostro cabeza volto viso testa
"""

# French because of the class "French horn" of Objects365, blind because of window blinds.
_COLOURS: Final = """
yellow red dark light pale fair tan tanned olive coloured colored blue green hazel grey gray golden ginger blanco
nero bianco french blind
"""

# Words that connect two things, or name an activity of a person.
_CONNECTORS: Final = """
with and or on in at by near beside holding riding carrying wearing walking feeding leading driving pushing
"""

ALWAYS: Final = frozenset(_ALWAYS.split())
"""Words that only describe people."""

AMBIGUOUS: Final = frozenset(_AMBIGUOUS.split())
"""Words that also describe animals and things."""

COLOURS_ALONE: Final = frozenset({"white", "black", "brown", "noir", "noire", "blanc", "blanche", "schwarz", "weiss"})
"""Colours that describe people even without another word."""

COLOURS: Final = COLOURS_ALONE | frozenset(_COLOURS.split())
"""Colours and other words that describe a person only beside a word for a person or a body part."""

PEOPLE: Final = frozenset(_PEOPLE.split())
"""Words that name a person without describing them."""

COLOURED_PARTS: Final = frozenset({"hair", "eye", "skin", "haired", "eyed", "skinned"})
"""Body parts whose colour is a protected characteristic."""

PARTS: Final = frozenset(_PARTS.split()) | COLOURED_PARTS
"""Body parts of a person or an animal."""

CONNECTORS: Final = frozenset(_CONNECTORS.split())
"""Words that connect a person with an animal or a thing: then the label does not describe the animal."""
