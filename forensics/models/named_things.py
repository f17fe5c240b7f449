"""Words that name an animal or a thing, so that an adjective beside them does not describe a person.

Only words that occur with ambiguous adjectives are listed: an Asian elephant, a male deer, a French horn, a race car.
Words that also name a person or a body part are left out.
"""

from typing import Final

__all__ = ["names_a_thing"]

_MAMMALS: Final = """
aardvark aardwolf agouti alpaca anteater antelope ape aoudad argali armadillo ass aye baboon badger bandicoot
banteng bat bear beaver bighorn bilby binturong bison bobcat boar bongo bonobo buck buffalo bull bullock burro
bushbaby bushbuck bushpig calf camel capybara caracal caribou cat cattle cavy chamois cheetah chihuahua chimpanzee
chimp chinchilla chital chipmunk civet coati colobus colt colugo cougar cow coyote coypu cub deer dhole dikdik dingo
doe dog dolphin donkey dormouse drill duiker dugong eland elephant elk ewe fawn ferret fisher foal fossa fox gaur
gazelle gelada gemsbok genet gerbil gerenuk gibbon giraffe gnu goat goral gorilla grison grizzly groundhog guanaco
guenon hamster hare hartebeest hedgehog heifer hippo hippopotamus hog horse hound hyena hyaena hyrax ibex impala
jackal jackrabbit jaguar jaguarundi jerboa kangaroo kinkajou kitten klipspringer koala kob kouprey kudu lamb langur
lechwe lemming lemur leopard lion lioness llama loris lynx macaque mandrill mangabey manatee mare margay markhor
marmoset marmot marten meerkat mink mole mongoose monkey moose mouflon mouse mule muntjac muskox muskrat mustang
narwhal nilgai numbat nutria nyala ocelot okapi olingo opossum orangutan oribi oryx otter ox paca pademelon panda
pangolin panther peccary pig piglet pika platypus pony porcupine porpoise possum potoroo pronghorn puma pup puppy
quokka quoll rabbit raccoon ram rat ratel reedbuck reindeer rhebok rhino rhinoceros roan roebuck saiga sable sambar
saola seal serow serval setter sheep shepherd shrew sifaka sika sitatunga skunk sloth solenodon sow spaniel
springbok squirrel stag stallion steenbok stoat tahr takin tamandua tamarin tapir tarsier terrier tiger topi
tsessebe vicuna vole wallaby wallaroo walrus warthog waterbuck waterbuffalo weasel whale wildebeest wolf wolverine
wombat woodchuck yak zebra zebu zorilla animal mammal wildlife livestock pet bulldog mastiff retriever pointer
collie poodle husky beagle corgi dalmatian spitz malamute wolfhound sheepdog elkhound greyhound deerhound foxhound
coonhound bobtail shorthair longhair mau primate ungulate rodent carnivore herbivore predator kelpie polecat chin
"""

_BIRDS: Final = """
bird accipiter albatross antbird avocet babbler barbet bee bittern blackbird bluebird booby bulbul bunting bushtit
bustard buzzard canary capercaillie cardinal cassowary chat chick chicken chough chukar cockatoo cockerel condor
coot cormorant coucal courser cowbird crake crane creeper crossbill crow cuckoo curassow curlew dipper dodo dotterel
dove dowitcher drake drongo duck duckling dunlin dunnock eagle egret eider emu falcon fieldfare finch flamingo
flicker flycatcher fowl francolin frigatebird frogmouth fulmar gadwall gallinule gander gannet garganey gnatcatcher
godwit goldeneye goldfinch goose goosander goshawk gosling grackle grebe greenfinch grosbeak grouse guan guillemot
guineafowl gull gyrfalcon harrier hawk hen heron hoatzin hobby honeyeater hoopoe hornbill hummingbird ibis jacana
jackdaw jaeger jay junco kestrel killdeer kingbird kingfisher kite kittiwake kiwi kookaburra lapwing lark linnet
loon lorikeet lovebird lyrebird macaw magpie mallard martin meadowlark merganser merlin mockingbird moorhen munia
murre myna mynah nighthawk nightingale nightjar nutcracker nuthatch oriole osprey ostrich ouzel ovenbird owl owlet
oystercatcher parakeet parrot partridge peacock peafowl pelican penguin petrel phalarope pheasant phoebe pigeon
pintail pipit pitta plover pochard ptarmigan puffin quail quetzal rail raptor raven razorbill redpoll redshank
redstart redwing rhea ringneck roadrunner robin roller rook rooster sanderling sandgrouse sandpiper sapsucker scaup
scoter screamer shearwater shelduck shoveler shrike siskin skimmer skua snipe sparrow sparrowhawk spoonbill starling
stilt stint stonechat stork sunbird swallow swan swift tanager teal tern thrasher thrush tinamou tit titmouse toucan
towhee tragopan treecreeper trogon trumpeter turaco turkey turnstone vireo vulture wagtail warbler waterthrush
waxbill waxwing weaver wheatear whimbrel whitethroat widgeon wigeon woodcock woodpecker wren wryneck yellowhammer
yellowlegs
"""

_OTHER_ANIMALS: Final = """
adder agama alligator anaconda anchovy anemone anole ant aphid asp axolotl barracuda bass beetle boa bug bumblebee
butterfly caiman carp caterpillar catfish centipede chameleon chub cicada clam cobra cockroach cod coral crab
crawfish crayfish cricket crocodile crocodilian dragonfly eel fish fly frog gar gecko gharial grasshopper grouper
gudgeon guppy haddock halibut herring hornet iguana insect jellyfish katydid krait krill ladybug ladybird leech
lizard lobster locust mackerel mamba mantis marlin mite monitor mosquito moth mussel newt octopus oyster perch pike
piranha planthopper porgy prawn python rattlesnake ray reptile roach salamander salmon sardine scallop scorpion
shark shrimp skink slater slug snail snake snapper spider squid starfish stickleback stingray sturgeon sunfish
tarantula termite terrapin tick toad tortoise trout tuna turtle urchin viper wasp weevil widow worm amphibian
crustacean mollusc
"""

_THINGS: Final = """
airplane apparel apple bag bar bath bathroom bean bed bell belt bench bib bicycle bike blanket blind blinds board
boat book boot bottle bow bowl box bra bread breakfast bridge buggy building bulldozer bus button cabbage cable cake
camera cap car card carriage carrier carrot cart chair chard cheese chess cherry clock cloth clothes clothing coat
coffee condensed connector cookie costume cottage cot couch course court crib cup curtain cushion cutlery desk
diaper dish dishes doll door dress drum dumpling engine equipment fabric fern fig flag flat flower food football
fork fries fruit fur garden garment gate gear gin glass glasses glove gown grass guitar gun hammock handbag hat
helmet highchair highway horn house instrument iris ivy jacket jar jeans jug keyboard knife lamp lane lantern laptop
leather lettuce lily lorry machine magnolia map maple mask mat meal menu metal milk mirror moss motorbike motorcycle
motor muffin mug mushroom napkin needle noodle noodles nut oak oven pacifier package painting pan pants paper park
parking parsley pastry path pavilion pea pear pen phone piano pillow pine pizza plant plate plug plum potato pottery
pot powder pram press pump pushchair radish railway razor restaurant ribbon rice road robe rocket roof room rose rug
salad sandal sandals sauce saucer sausage scarf scooter screen screw seat shed shirt shoe shoes shop shorts sign
skirt skis sneaker socket sock socks sofa soup spade spinach spoon stamp statue stocking stone stool stroller suit
suitcase sushi sweater sword table tank tea teapot temple tent tie tile timber toast toilet tomato tool torch towel
toy track traffic train tree trolley trousers truck tulip tunnel tyre tire umbrella underwear uniform van vase
vegetable vehicle vessel violin waffle wagon wall water wheel wheelchair willow window wine wing wire wood wool
yacht yogurt pancake crepe slipper
"""

_NAMED: Final = frozenset(" ".join((_MAMMALS, _BIRDS, _OTHER_ANIMALS, _THINGS)).split())
# Suffixes of longer words that name an animal: sparrowhawk, bluefish, wildcat, waterfowl.
_ENDINGS: Final = (
    *("bird", "fish", "hawk", "fowl", "hound", "pecker", "snake", "fly", "bug", "deer", "bear", "wolf", "buck"),
    *("frog", "dog", "cat"),
)


def names_a_thing(word: str) -> bool:
    """Whether a lower-case word or its singular names an animal or a thing.

    >>> names_a_thing("elephants"), names_a_thing("swordfish"), names_a_thing("looking")
    (True, True, False)
    """
    singulars = (word, word.removesuffix("s"), word.removesuffix("es"), f"{word.removesuffix('ies')}y")
    return any(form in _NAMED for form in singulars) or (len(word) > 5 and word.endswith(_ENDINGS))
