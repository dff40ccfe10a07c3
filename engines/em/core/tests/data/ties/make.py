#!/usr/bin/env python3
"""Makes the golden `ties`: make.py FOLDER_OF_em_oracle.py OUT. Needs numpy and em_oracle.py, an implementation of the EM and
of NumPy's random numbers that shares no code with this crate."""
import sys, json, random
sys.dont_write_bytecode=True
sys.path.insert(0,sys.argv[1])
import numpy as np, em_oracle as eo
out=sys.argv[2]
random.seed(20)
loci=['__no_feature']+['P1','P2','Q1','Q2','Q3']+['L%d'%i for i in range(1,9)]
rows=[]
for i in range(240):
    r=random.random(); e={}
    if r<.30:                       # the pair, always both, always equal
        s=random.randint(180,200); e['P1']=s; e['P2']=s
    elif r<.50:                     # the triple, sometimes with a distant fourth locus
        s=random.randint(170,200); e['Q1']=e['Q2']=e['Q3']=s
        if random.random()<.3: e['L1']=s-random.choice([0,6,12])
    elif r<.70:
        e['L%d'%random.randint(1,8)]=random.randint(150,200)
    else:
        s=random.randint(150,200)
        for l in random.sample(range(1,9),random.randint(2,4)): e['L%d'%l]=s-random.choice([0,0,6,12])
        if random.random()<.1: e['__no_feature']=s-5
    rows.append(('f%03d'%i,e))
with open(out+'/scores.tsv','w') as h:
    h.write('#fragment\tlocus\traw\n')
    for n,e in rows:
        for l,s in e.items(): h.write('%s\t%s\t%d\n'%(n,l,s))
with open(out+'/features.tsv','w') as h:
    h.write('#col\tlocus\tlength\n')
    for j,l in enumerate(loci): h.write('%d\t%s\t%d\n'%(j,l,0 if j==0 else 1000+j))
fi={l:j for j,l in enumerate(loci)}
R=[];C=[];V=[]
for i,(n,e) in enumerate(rows):
    for l,s in sorted(e.items(),key=lambda t:fi[t[0]]): R.append(i);C.append(fi[l]);V.append(float(s))
R,C,V=np.array(R),np.array(C),np.array(V); N,K=len(rows),len(loci)
seed=4242
m=eo.Oracle(R,C,V,N,K).em()
g={'seed':seed,'iterations':m.n,'converged':m.conv,'log_likelihood':m.L,'trace':m.trace,'pi':m.pi.tolist(),'theta':m.th.tolist(),'fresh':{},'report':{}}
for ini in ('final','init'):
    for mode in ('exclude','choose','average','conf','unique','all'):
        g['fresh'][ini+'_'+mode]=m.reassign(mode,.9,ini=='init',eo.MT(seed)).tolist()
for mode in ('exclude','choose','average','conf','unique','all'):
    rng=eo.MT(seed)
    for mo,ini in (('conf',False),('all',True),('unique',False),('exclude',True),('choose',True),('average',True)): m.reassign(mo,.9,ini,rng)
    g['report'][mode]=m.reassign(mode,.9,False,rng).tolist()
long=eo.Oracle(R,C,V,N,K).em(eps=1e-14,max_iter=20000)
g['long_em']={'iterations':long.n,'pi':long.pi.tolist()}
json.dump(g,open(out+'/expected.json','w'),indent=0)
